"""Models trained for a moment on the toy cohort, as a folder results/models, and a new participant's scan."""

import json
from pathlib import Path

import pytest

from images import scans
from training import toy
from vita.apply import decisions
from vita.training import stage3

TASKS = ("sa_phenotypes", "disease_cad", "categorical_features", "segmentation")
IMAGES = {"frames": toy.FRAMES, "size": toy.SIZE, "crop": "center", "slices": "even", "quality": {"pixel_mm": None}}


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder; its decisions are stored."""
    folder = tmp_path_factory.mktemp("apply")
    cohort, models = toy.make(folder / "cohort"), folder / "models"
    for task in TASKS:
        arguments = cohort.stage3(task, "vita", models / task / "vita", epochs=1)
        place = arguments.index("--predictions") + 1
        arguments[place] = str(folder / "predictions" / task / "vita.parquet")
        stage3.main(arguments)
    store_decisions(folder, models)
    return models


def store_decisions(folder: Path, models: Path, **images: str) -> None:
    """Run the rule's module."""
    settings = {"images": IMAGES | images, "phenotypes": {"ed": "first"}}
    decisions.main(
        [
            *("--model", "vita", "--targets", str(folder / "cohort" / "targets.tsv")),
            *("--configs", *(str(models / task / "vita" / "config.json") for task in TASKS)),
            *("--predictions", *(str(folder / "predictions" / task / "vita.parquet") for task in TASKS)),
            *("--shards", *map(str, sorted((folder / "cohort").glob("0*.parquet")))),
            *("--settings", json.dumps(settings), "--output", str(models / "decisions.json")),
        ]
    )


@pytest.fixture
def scan(tmp_path: Path) -> Path:
    """A participant's folder without any mask."""
    folder = tmp_path / "scans" / "5123456"
    scans.write_participant(folder)
    return folder

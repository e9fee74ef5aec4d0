"""Models trained for a moment on the toy cohort, as a results folder, and a new participant's scan."""

import json
from pathlib import Path

from training import toy
from vita.apply import decisions
from vita.config.blocks import block
from vita.training import stage3

TASKS = ("sa_phenotypes", "disease_cad", "categorical_features", "segmentation")
IMAGES = block("images", {"frames": toy.FRAMES, "size": toy.SIZE, "quality": {"pixel_mm": None}})


def make(folder: Path) -> Path:
    """Train and store the decisions; returns the folder of the models."""
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
    settings = {"seed": 0, "images": IMAGES | images, "phenotypes": {"ed": "first"}}
    decisions.main(
        [
            *("--split", str(folder / "cohort" / "split.parquet")),
            *("--model", "vita", "--targets", str(folder / "cohort" / "targets.tsv")),
            *("--configs", *(str(models / task / "vita" / "config.json") for task in TASKS)),
            *("--predictions", *(str(folder / "predictions" / task / "vita.parquet") for task in TASKS)),
            *("--shards", *map(str, sorted((folder / "cohort").glob("0*.parquet")))),
            *("--settings", json.dumps(settings), "--output", str(models / "decisions.json")),
        ]
    )

"""Lists, checks and descriptions of a results folder."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from safetensors.numpy import load_file, save_file

from apply import trained
from vita.results import describe, listing, validate
from vita.results.models import find_models
from vita.runtime.errors import UserError
from vita.training.session import file_digest


def test_a_sound_folder_is_valid(results: Path, capsys: pytest.CaptureFixture[str]) -> None:
    validate.main([str(results)])
    assert "4 models" in capsys.readouterr().out


def other_split(results: Path) -> None:
    path = results / "cohort" / "split.parquet"
    table = pd.read_parquet(path)
    table["split"] = np.roll(table["split"], 1)
    table.to_parquet(path)


def not_finite(results: Path) -> None:
    path = results / "models" / "disease_cad" / "vita" / "model.safetensors"
    weights = {name: array.copy() for name, array in load_file(path).items()}
    next(iter(weights.values())).flat[0] = np.nan
    save_file(weights, path)


def other_training(results: Path) -> None:
    path = results / "models" / "disease_cad" / "vita" / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"seconds": 1}))


def lost_predictions(results: Path) -> None:
    path = results / "predictions" / "disease_cad" / "vita.parquet"
    pd.read_parquet(path).assign(prediction=np.nan).to_parquet(path)


@pytest.mark.parametrize(
    ("harm", "line"),
    [
        (lambda results: (results / "models/disease_cad/vita/history.csv").unlink(), "history.csv is missing"),
        (lambda results: (results / "models/disease_cad/vita/config.json").write_text("{"), "config.json is damaged"),
        (
            lambda results: (results / "models/disease_cad/vita/model.safetensors").write_bytes(b"x"),
            "weights are truncated or damaged",
        ),
        (lambda results: (results / "cohort/split.parquet").unlink(), "split.parquet is missing"),
        (not_finite, "weights are not finite"),
        (other_split, "was trained on a split other than"),
        (other_training, "trained again after decisions.json"),
        (lost_predictions, "predictions are not finite"),
    ],
)
def test_what_is_wrong_is_said(
    harm: Callable[[Path], object], line: str, results: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    harm(results)
    with pytest.raises(UserError, match="problems"):
        validate.main([str(results)])
    assert line in capsys.readouterr().out


def test_what_needs_labels_has_the_split_of_the_labelled(results: Path) -> None:
    """A split of the labelled is what Stage III must have been trained on, and Stages I and II on everybody's."""
    shutil.copy(results / "cohort" / "split.parquet", results / "cohort" / "labelled.parquet")
    assert not list(validate.problems_of(results, find_models(results)))
    pd.read_parquet(results / "cohort" / "split.parquet").iloc[1:].to_parquet(results / "cohort" / "labelled.parquet")
    wrong = {line.partition(":")[0] for line in validate.problems_of(results, find_models(results))}
    assert "models/disease_cad/vita" in wrong
    assert not [name for name in wrong if "stage" in name]


def test_a_start_from_imported_weights_is_sound_while_they_are_there(
    results: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    weights = results.parent / "published" / "model.safetensors"
    weights.parent.mkdir()
    weights.write_bytes(b"weights")
    (results / "config.json").write_text(json.dumps({"stage3": {"init": "published"}}))
    for path in (results / "models").glob("*/*/config.json"):
        config = json.loads(path.read_text())
        path.write_text(json.dumps(config | {"data": config.get("data", {}) | {"init": file_digest(weights)}}))
    assert not [line for line in validate.problems_of(results, find_models(results)) if "no longer there" in line]
    weights.unlink()
    assert [line for line in validate.problems_of(results, find_models(results)) if "no longer there" in line]


def test_a_start_from_the_model_of_another_task_is_sound_while_it_is_there(results: Path) -> None:
    """Diseases start from short-axis phenotypes by default."""
    other = results / "models" / "sa_phenotypes" / "vita" / "model.safetensors"
    other.parent.mkdir(parents=True, exist_ok=True)
    other.write_bytes(b"weights")
    path = results / "models" / "disease_cad" / "vita" / "config.json"
    config = json.loads(path.read_text())
    path.write_text(json.dumps(config | {"data": config.get("data", {}) | {"init": file_digest(other)}}))
    assert not [line for line in validate.problems_of(results, find_models(results)) if "no longer there" in line]
    other.write_bytes(b"other weights")
    (line,) = [line for line in validate.problems_of(results, find_models(results)) if "no longer there" in line]
    assert line.startswith("models/disease_cad/vita: ")


def test_models_are_listed(results: Path, capsys: pytest.CaptureFixture[str]) -> None:
    listing.main([str(results)])
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[:2] for line in lines[1:]] == [[task, "vita"] for task in sorted(trained.TASKS)]


def test_the_description_shows_no_small_count(results: Path, capsys: pytest.CaptureFixture[str]) -> None:
    describe.main([str(results)])
    text = capsys.readouterr().out
    assert "Participants: 48 (train 32, val <10, test <10)" in text
    assert "4 of 4 trained" in text
    assert "vita predict --model" in text


@pytest.mark.parametrize("module", [listing, validate, describe])
def test_a_folder_without_models_is_refused(module: object, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="holds no folder models"):
        module.main([str(tmp_path)])


def test_truncated_weights_come_with_the_command_that_makes_them_again(results: Path) -> None:
    path = results / "models" / "disease_cad" / "vita" / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-100])
    lines = list(validate.problems_of(results, find_models(results)))
    assert len(lines) == 1
    assert lines[0].endswith("--forcerun results/models/disease_cad/vita/model.safetensors")


def test_the_described_average_is_that_of_the_printed_rows(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "models").mkdir()
    (tmp_path / "metrics" / "sa_phenotypes").mkdir(parents=True)
    metrics = pd.DataFrame({"target": ["LVEDV", "LVESV", "LVSV"], "in_table": [1, 0, 1], "mae": [10.0, 100.0, 4.0]})
    metrics.to_csv(tmp_path / "metrics" / "sa_phenotypes" / "vita.csv", index=False)
    describe.main([str(tmp_path)])
    assert "mean absolute error: vita 7.000" in capsys.readouterr().out

"""Weights leave only with a passport that says that nobody can be told to have been in their training."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from safetensors.numpy import save_file
from tests.release.conftest import write

from vita.evaluation.membership import COLUMNS
from vita.release.checking import check
from vita.release.cohort import Cohort, read_cohort
from vita.release.make import make
from vita.release.weights import add_weights, stays

HIGH = {"stage1/vita": 0.53, "disease_cad/vita": 0.62, "stage2/vita": 0.57}  # upper bounds
CONFIG = {
    "model": {"width": 33},
    "participants": {"train": 400, "val": 7, "test": 50},
    "data": {"train": "d96fe2275fde2d7f"},
    "split_hash": "739f8c91f3262b00",
    "targets": {"cad": {"kind": "binary", "mean": 1.23456789, "std": 1.0, "shares": [0.985, 0.015]}},
}


@pytest.fixture
def run(tables: dict[str, pd.DataFrame], tmp_path: Path) -> Path:
    """Three models that were measured, and one that was not."""
    results = tmp_path / "results"
    write(results, tables)
    for folder in [*HIGH, "sa_phenotypes/mae"]:
        path = results / "models" / folder
        path.mkdir(parents=True)
        weights = np.random.default_rng(len(folder)).normal(0, 0.05, (20, 9)).astype(np.float32)
        save_file({"encoder": weights}, path / "model.safetensors")
        (path / "config.json").write_text(json.dumps(CONFIG))
    rows = [
        {"model": model, "signal": "loss", "attack": attack, "members": 404, "held_out": 57, "auc": high - 0.03}
        | {"low": low, "high": high, "tpr": 0.0123456, "fpr": 0.01}
        for model, high in HIGH.items()
        for attack, low in (("loss", 0.47), ("calibrated", high - 0.06))
    ]
    (results / "metrics").mkdir()
    pd.DataFrame(rows, columns=list(COLUMNS)).to_csv(results / "metrics" / "membership.csv", index=False)
    return results


def left(folder: Path) -> set[str]:
    return {path.parent.relative_to(folder / "models").as_posix() for path in folder.glob("models/*/*/*.safetensors")}


def test_the_gate_decides_whose_weights_leave(run: Path, tmp_path: Path) -> None:
    judged = add_weights(run, tmp_path / "out", 0.55)
    assert left(tmp_path / "out") == {"stage1/vita"}
    reasons = "\n".join(stays(judged))
    assert "Coronary artery disease, ViTa: AUC 0.590 (0.470 to 0.620), above 0.55: it reveals who" in reasons
    assert "Short-axis phenotypes, MAE: not measured." in reasons
    add_weights(run, tmp_path / "strict", 0.52)
    assert not left(tmp_path / "strict")


def test_the_passport_tells_of_no_few_people(run: Path, tmp_path: Path) -> None:
    add_weights(run, tmp_path / "out")
    folder = tmp_path / "out" / "models" / "stage1" / "vita"
    passport = json.loads((folder / "passport.json").read_text())
    assert passport["membership_auc_allowed"] == 0.55
    first = passport["attacks"][0]
    assert (first["members"], first["held_out"], first["tpr"], first["untrained_auc"]) == (400, 50, 0.0123, None)
    config = json.loads((folder / "config.json").read_text())
    assert config["targets"]["cad"]["shares"] is None  # six people of 400
    assert config["targets"]["cad"]["mean"] == 1.23
    assert not {"participants", "data", "split_hash"} & set(config)


def test_synthetic_weights_all_leave_that_were_measured(run: Path, tmp_path: Path) -> None:
    judged = add_weights(run, tmp_path / "out", 0.55, phantom=True)
    assert left(tmp_path / "out") == set(HIGH)
    assert all(
        each.words.endswith("all participants are synthetic") for each in judged if each.folder.endswith("cad/vita")
    )


def test_a_release_holds_the_weights_and_says_why_others_stay(run: Path) -> None:
    make(run, run / "release", gate=0.55)
    page = (run / "release" / "index.html").read_text()
    assert left(run / "release") == {"stage1/vita"}
    assert 'href="models/stage1/vita/passport.json"' in page
    assert "Weights of Coronary artery disease, ViTa: AUC 0.590" in page
    outcomes = json.loads((run / "release" / "outcomes.json").read_text())
    assert "models/stage1/vita/model.safetensors" in {each["output"] for each in outcomes["outputs"]}


@pytest.fixture
def cohort(results: Path) -> Cohort:
    return read_cohort([results], 10)


@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_numbers_of_people_in_large_tensors_are_found(
    tables: dict[str, pd.DataFrame], cohort: Cohort, tmp_path: Path, kind: type
) -> None:
    """Forty people's volumes among 60,000 weights, of which not all are read row by row."""
    weights = np.random.default_rng(1).normal(0, 0.05, (2000, 30)).astype(kind)
    save_file({"a": weights}, tmp_path / "clean.safetensors")
    assert not check(tmp_path, cohort, 10, set())[0].findings
    chosen = tables["images/phenotypes"].sample(40, random_state=3)
    weights[1001, :20] = chosen["LVEDV"][:20]
    weights[1501, :20] = chosen["LVEDV"][20:]
    save_file({"a": weights}, tmp_path / "clean.safetensors")
    (finding,) = [each for each in check(tmp_path, cohort, 10, set())[0].findings if each.kind == "singled out"]
    assert len(finding.people) > 30
    assert {int(cohort.eid[person]) for person in finding.people} <= set(chosen["eid"])

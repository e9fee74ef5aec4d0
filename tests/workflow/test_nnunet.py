"""nnU-Net itself through Snakemake for a few iterations on phantom scans, in the environment that a rule makes."""

import json
import os
import re
import subprocess
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from safetensors.numpy import load_file

from ids import pattern
from vita.evaluation.segmentation import read_masks
from vita.images.layout import PLANE_OF_VIEW
from vita.images.shards import ShardReader
from workflow.test_dry_runs import ROOT, snakemake

pytestmark = [pytest.mark.workflow, pytest.mark.thorough]
VIEWS = ("sa", "la_2ch", "la_4ch")
ENVIRONMENT = ROOT / ".nnunet"  # git ignores it; made once for all runs of the tests
SMOKE = ROOT / "workflow" / "presets" / "smoke.yaml"
CONFIG = {
    "phantom": {"participants": 24, "batches": 1, "broken_scans": 0, "withdrawn": 1},
    "images": {"shard_count": 1},
    "systems": {"nnunet": {"tasks": ["segmentation"]}},
    "nnunet": {"environment": str(ENVIRONMENT)},
}
WANTED = ["results/metrics/segmentation/nnunet.csv", "results/metrics/mask_phenotypes/nnunet.csv"]
MODEL = "trained/Dataset001_heart/nnUNetTrainer__nnUNetPlans__2d"
LEFT_OUT = {"timm", "unittest2"}  # as envs/nnunet.lock says


def _arguments(folder: Path, **changes: object) -> list[str]:
    (folder / "nnunet.yaml").write_text(yaml.safe_dump(CONFIG | changes))
    return ["--configfile", str(SMOKE), str(folder / "nnunet.yaml")]


def planned(folder: Path, *arguments: str) -> dict[str, int]:
    run = snakemake(folder, "-n", *arguments)
    assert run.returncode == 0, run.stderr
    return {name: int(count) for name, count in re.findall(r"^(\w*nnunet\w*) +(\d+)$", run.stdout, re.MULTILINE)}


def test_it_is_planned_where_systems_name_it(tmp_path: Path) -> None:
    assert planned(tmp_path) == {}
    jobs = planned(tmp_path, *_arguments(tmp_path))
    steps = ("export", "plan", "train", "predict")
    assert jobs == {"make_nnunet_environment": 1, "collect_nnunet": 1} | {f"{step}_nnunet": 3 for step in steps}
    one = CONFIG["nnunet"] | {"views": ["sa"]}
    assert planned(tmp_path, *_arguments(tmp_path, nnunet=one))["train_nnunet"] == 1


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("nnunet")
    made = snakemake(folder, *_arguments(folder), "--", "results/nnunet/environment.json")
    if made.returncode and "cannot be installed" in made.stderr and "CI" not in os.environ:
        pytest.skip(f"nnU-Net's environment cannot be installed here: {made.stderr.strip().splitlines()[-1]}")
    assert made.returncode == 0, made.stderr[-4000:]
    run = snakemake(folder, "--notemp", *_arguments(folder), "--", *WANTED)
    assert run.returncode == 0, run.stderr[-4000:]
    return folder / "results"


def test_the_same_command_again_does_nothing(results: Path) -> None:
    run = snakemake(results.parent, "-n", *_arguments(results.parent), "--", *WANTED)
    assert "Nothing to be done" in run.stdout + run.stderr


def test_another_place_of_the_environment_trains_nothing_anew(results: Path) -> None:
    changed = CONFIG | {"nnunet": {"environment": "elsewhere"}}
    (results.parent / "moved.yaml").write_text(yaml.safe_dump(changed))
    arguments = ["--configfile", str(SMOKE), str(results.parent / "moved.yaml"), "--", *WANTED]
    assert planned(results.parent, *arguments) == {"make_nnunet_environment": 1}


def test_the_environment_lacks_only_what_the_lock_leaves_out(results: Path) -> None:
    checked = subprocess.run(
        [ENVIRONMENT / "bin" / "python", "-m", "pip", "check"], capture_output=True, text=True, check=False
    )
    assert set(re.findall(r"requires ([\w-]+), which is not installed", checked.stdout)) == LEFT_OUT
    assert len(checked.stdout.splitlines()) == len(LEFT_OUT), checked.stdout
    assert json.loads((results / "nnunet" / "environment.json").read_text())["nnunetv2"]


def test_masks_are_those_of_the_test_split(results: Path) -> None:
    arrays = read_masks(results / "predictions" / "segmentation" / "nnunet.npz")
    split = pd.read_parquet(results / "cohort" / "split.parquet").set_index("eid")["split"].sort_index()
    assert arrays["eid"].tolist() == split.index[split == "test"].tolist()
    reader = ShardReader([results / "images" / "shards" / "00000.npz"])
    for row, eid in enumerate(arrays["eid"]):
        np.testing.assert_array_equal(arrays["truth"][row], reader.masks(int(eid), [0, 2, 4, 6, 8]))
    assert set(np.unique(arrays["prediction"])) <= set(range(6))
    assert not arrays["prediction"][:, PLANE_OF_VIEW["la_3ch"]].any(), "nnU-Net has no model of that view"
    metrics = pd.read_csv(results / "metrics" / "segmentation" / "nnunet.csv")
    whole = metrics[(metrics["view"] == "all") & (metrics["phase"] == "all")].set_index("target")
    assert whole["n"].to_dict() == dict.fromkeys(("LVBP", "LVMYO", "RVBP", "LABP", "RABP"), len(arrays["eid"]))
    assert whole["dice"].between(0, 1).all()


def test_nnunet_was_given_our_split_and_took_it(results: Path) -> None:
    for view in VIEWS:
        cases = pd.read_parquet(results / "nnunet" / view / "cases.parquet")
        counts = cases[cases["annotated"]]["split"].value_counts()
        (log,) = (results / "nnunet" / view / MODEL / "fold_0").glob("training_log_*.txt")
        text = log.read_text()
        assert f"{counts['train']} training and {counts['val']} validation cases" in text
        assert "Using splits from existing split file" in text
        preprocessed = results / "nnunet" / view / "preprocessed"
        test = set(cases["case"][cases["split"] == "test"])
        assert not [path for path in preprocessed.rglob("*") if path.name.partition(".")[0] in test]


def test_no_file_of_nnunet_names_a_participant(results: Path) -> None:
    eids = pattern(pd.read_parquet(results / "phantom" / "people.parquet")["eid"])
    files = [path for path in (results / "nnunet").rglob("*") if path.is_file()]
    files += [path for path in (results / "logs").rglob("*nnunet*/*") if path.is_file()]
    files += list((results / "models" / "segmentation" / "nnunet").iterdir())
    for path in files:
        shown = str(path.relative_to(results)).encode()
        shown += path.read_bytes() if path.suffix in {".json", ".log", ".txt", ".csv"} else b""
        assert not eids.search(shown), path.name


def test_weights_can_be_read_without_unpickling(results: Path) -> None:
    folder = results / "models" / "segmentation" / "nnunet"
    weights, config = load_file(folder / "model.safetensors"), json.loads((folder / "config.json").read_text())
    assert {name.partition(".")[0] for name in weights} == set(VIEWS)
    assert sum(array.size for array in weights.values()) == config["parameters"]
    assert all(np.isfinite(array).all() for array in weights.values())
    assert len(pd.read_csv(folder / "history.csv")) == config["best_epoch"] == 1


def test_an_interrupted_training_goes_on_and_one_on_other_settings_begins_anew(results: Path) -> None:
    folder = results / "nnunet" / "la_2ch"
    lengths = {"epochs": 3, "iterations": 1, "val_iterations": 1, "checkpoint_epochs": 1}
    settings = json.dumps({"seed": 1, "nnunet": lengths, "training": {"threads": 1, "device": "cpu", "compile": False}})
    command = [str(ENVIRONMENT / "bin" / "python"), "-m", "vita.nnunet.train", "--folder", str(folder)]
    command += ["--output", str(folder / "again"), "--settings", settings]
    surroundings = os.environ | {"PYTHONPATH": str(ROOT / "src")}
    fold = folder / MODEL / "fold_0"
    with subprocess.Popen(command, env=surroundings, stdout=subprocess.DEVNULL) as first:
        deadline = time.monotonic() + 600
        while not (fold / "checkpoint_latest.pth").exists() and first.poll() is None and time.monotonic() < deadline:
            time.sleep(0.05)
        first.kill()
    (begun,) = fold.glob("training_log_*.txt")  # that of the run before is gone with its state
    assert "Epoch 0" in begun.read_text()
    assert not (fold / "checkpoint_final.pth").exists()
    time.sleep(1)  # nnU-Net's logs are named by seconds
    subprocess.run(command, env=surroundings, check=True, stdout=subprocess.DEVNULL)
    resumed = max(fold.glob("training_log_*.txt"), key=lambda path: path.stat().st_mtime).read_text()
    assert "Epoch 0" not in resumed
    assert "Epoch 2" in resumed
    assert pd.read_csv(folder / "again" / "history.csv")["epoch"].tolist() == [1, 2, 3]

"""Images and masks go to nnU-Net's files and come back exactly; the split holds; no file names a participant."""

import gzip
import json
import shutil
from pathlib import Path

import nibabel as nib
import numpy as np
import pandas as pd
import pytest
from safetensors.numpy import load_file, save_file

from nnunet.hearts import EIDS, SPLITS, WANTED, Hearts, make
from vita.cohort.split_table import split_hash
from vita.evaluation.mask_metrics import per_participant
from vita.evaluation.segmentation import read_masks
from vita.images.shards import ShardReader
from vita.nnunet.cases import read_labels
from vita.nnunet.collect import main as collect
from vita.nnunet.export import main as export
from vita.nnunet.layout import CHANNEL, DATASET, FILE_ENDING, VIEWS
from vita.runtime.errors import UserError
from vita.training.sections import even_frames

KEPT = [0, 2, 4]  # of six frames
SETTINGS = json.dumps({"seed": 5, "model": {"frames": WANTED, "sampling": "cycle"}})


def exported(hearts: Hearts, view: str, folder: Path) -> tuple[Path, pd.DataFrame]:
    """A view's data set, and its cases by eid."""
    arguments = ["--view", view, "--shards", str(hearts.shard), "--split", str(hearts.split), "--settings", SETTINGS]
    export([*arguments, "--output", str(folder / view / "raw"), "--cases", str(folder / view / "cases.parquet")])
    return folder / view / "raw" / DATASET, pd.read_parquet(folder / view / "cases.parquet").set_index("eid")


def stack(path: Path) -> np.ndarray:
    return np.asarray(nib.load(path).dataobj).T


@pytest.fixture(scope="module")
def hearts(tmp_path_factory: pytest.TempPathFactory) -> Hearts:
    return make(tmp_path_factory.mktemp("hearts"))


@pytest.mark.parametrize("view", list(VIEWS))
def test_images_and_masks_are_those_of_the_shard(hearts: Hearts, view: str, tmp_path: Path) -> None:
    raw, cases = exported(hearts, view, tmp_path)
    planes, last = list(VIEWS[view].planes), int(EIDS[-1])
    image = raw / "imagesTs" / f"{cases.loc[last, 'case']}{CHANNEL}{FILE_ENDING}"
    expected = hearts.voxels[last][planes][:, KEPT]
    np.testing.assert_array_equal(stack(image).reshape(expected.shape), expected)
    assert nib.load(image).header.get_zooms()[:2] == (1.5, 2.5)  # columns, rows
    own = int(EIDS[2])
    labels = stack(raw / "labelsTr" / f"{cases.loc[own, 'case']}{FILE_ENDING}").reshape(expected.shape)
    classes = hearts.classes[own][planes][:, KEPT]
    known = classes != 255
    np.testing.assert_array_equal(VIEWS[view].to_classes(np.where(known, labels, 0)), np.where(known, classes, 0))
    assert set(np.unique(labels[~known])) == {VIEWS[view].ignore}


def test_splits_hold_and_nobody_of_the_test_split_is_in_training(hearts: Hearts, tmp_path: Path) -> None:
    raw, cases = exported(hearts, "la_2ch", tmp_path)
    folds = json.loads((raw / "splits_final.json").read_text())
    assert len(folds) == 1
    split = dict(zip(cases["case"], cases["split"], strict=True))
    for name in ("train", "val"):
        assert {split[case] for case in folds[0][name]} == {name}
    learnt = {path.name.removesuffix(CHANNEL + FILE_ENDING) for path in (raw / "imagesTr").iterdir()}
    assert learnt == {path.name.removesuffix(FILE_ENDING) for path in (raw / "labelsTr").iterdir()}
    assert learnt == {*folds[0]["train"], *folds[0]["val"]}
    # without masks, and without this view
    assert not learnt & {cases.loc[EIDS[0], "case"], cases.loc[EIDS[4], "case"]}
    asked = {path.name.removesuffix(CHANNEL + FILE_ENDING) for path in (raw / "imagesTs").iterdir()}
    assert asked == set(cases.loc[[int(eid) for eid in EIDS[5:]], "case"])
    assert json.loads((raw / "dataset.json").read_text())["numTraining"] == len(learnt) == 4


def test_slices_without_annotation_are_left_out(hearts: Hearts, tmp_path: Path) -> None:
    raw, cases = exported(hearts, "sa", tmp_path)
    planes = len(VIEWS["sa"].planes)
    assert len(stack(raw / "labelsTr" / f"{cases.loc[EIDS[2], 'case']}{FILE_ENDING}")) == planes * WANTED
    assert len(stack(raw / "labelsTr" / f"{cases.loc[EIDS[1], 'case']}{FILE_ENDING}")) == planes * (WANTED - 1)


def test_labels_are_consecutive_and_ignored_ones_named_where_there_are_any(hearts: Hearts, tmp_path: Path) -> None:
    whole = tmp_path / "whole"
    whole.mkdir()
    inside = make(whole, crops_leave_the_image=False)
    for view, names in {"sa": ["LVBP", "LVMYO", "RVBP"], "la_2ch": ["LABP"]}.items():
        expected = {name: label for label, name in enumerate(["background", *names])}
        raw, _ = exported(inside, view, tmp_path / "inside")
        assert json.loads((raw / "dataset.json").read_text())["labels"] == expected
        raw, _ = exported(hearts, view, tmp_path / "outside")
        described = json.loads((raw / "dataset.json").read_text())["labels"]
        assert described == expected | {"ignore": len(expected)}


def test_no_file_and_no_name_holds_an_id(hearts: Hearts, tmp_path: Path) -> None:
    raw, cases = exported(hearts, "la_4ch", tmp_path)
    assert cases["case"].is_unique
    numbers = [int(case.removeprefix("case_")) for case in cases["case"]]
    assert numbers != sorted(numbers), "the order of the ids is kept"
    for path in raw.rglob("*"):
        content = path.read_bytes() if path.is_file() else b""
        content = gzip.decompress(content) if path.suffix == ".gz" else content
        assert not any(str(eid) in path.name or str(eid).encode() in content for eid in EIDS)


def test_a_view_that_nobody_has_masks_of_is_named(tmp_path: Path) -> None:
    hearts = make(tmp_path)
    split = pd.read_parquet(hearts.split)
    split.loc[split["split"] == "train", "split"] = "test"
    split.loc[0, "split"] = "train"  # who has no masks
    split.to_parquet(hearts.split, index=False)
    with pytest.raises(UserError, match=r"nobody in the train split .* view sa; take sa out of 'nnunet.views'"):
        exported(hearts, "sa", tmp_path)


def answered(hearts: Hearts, folder: Path) -> None:
    """What nnU-Net would leave: here it finds the reference, and background where nothing is annotated."""
    reader = ShardReader([hearts.shard])
    for view, block in VIEWS.items():
        raw, cases = exported(hearts, view, folder)
        (folder / view / "masks").mkdir()
        for image in (raw / "imagesTs").iterdir():
            case = image.name.removesuffix(CHANNEL + FILE_ENDING)
            eid = int(cases.index[cases["case"] == case][0])
            classes = block.slices(reader.masks(eid, even_frames(6, WANTED, "cycle")))
            labels = block.to_labels(np.where(classes == 255, 0, classes))
            written = nib.Nifti1Image(labels.T, nib.load(image).affine)
            nib.save(written, folder / view / "masks" / f"{case}{FILE_ENDING}")
        shutil.rmtree(raw)
        model = folder / view / "model"
        model.mkdir()
        save_file({"weight": np.full(3, len(view), np.float32)}, model / "model.safetensors")
        rows = "1,2,0.01,1.5,1.25,3,0.5\n2,4,0.005,1.0,0.75,3,0.7\n"
        (model / "history.csv").write_text("epoch,step,learning_rate,train_loss,val_loss,seconds,dice\n" + rows)
        record = {"parameters": 3, "seconds": 6.0, "peak_memory_mb": 700, "hardware": {"cpu": "x86_64"}, "batch": 2}
        (model / "training.json").write_text(json.dumps(record))
    (folder / "environment.json").write_text('{"nnunetv2": "2.8.1"}')


@pytest.fixture(scope="module")
def collected(hearts: Hearts, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("collected")
    answered(hearts, folder / "nnunet")
    collect(_arguments(hearts, folder))
    return folder


def _arguments(hearts: Hearts, folder: Path) -> list[str]:
    arguments = ["--folder", str(folder / "nnunet"), "--views", *VIEWS, "--shards", str(hearts.shard)]
    arguments += ["--environment", str(folder / "nnunet" / "environment.json"), "--split", str(hearts.split)]
    arguments += ["--settings", SETTINGS, "--output", str(folder / "model")]
    return [*arguments, "--predictions", str(folder / "areas.parquet"), "--masks", str(folder / "nnunet.npz")]


def test_masks_come_back_exactly(hearts: Hearts, collected: Path) -> None:
    arrays = read_masks(collected / "nnunet.npz")
    assert arrays["eid"].tolist() == [int(eid) for eid, split in zip(EIDS, SPLITS, strict=True) if split == "test"]
    for row, eid in enumerate(arrays["eid"]):
        expected = hearts.classes[int(eid)][:, KEPT]
        np.testing.assert_array_equal(arrays["truth"][row], expected)
        np.testing.assert_array_equal(arrays["prediction"][row], np.where(expected == 255, 0, expected))
    rows = per_participant(**arrays, groups=[("all", "all")])
    assert (rows["dice"] == 1).all()
    assert (rows["hd_mm"] == 0).all()


def test_areas_are_of_validation_and_test_and_agree_with_the_reference(collected: Path) -> None:
    areas = pd.read_parquet(collected / "areas.parquet")
    assert set(areas["split"]) == {"val", "test"}
    assert set(areas["frame"]) == set(KEPT)
    np.testing.assert_array_equal(areas["truth"], areas["prediction"])
    assert (areas["truth"] > 0).any()


def test_the_models_folder_is_like_any_others(hearts: Hearts, collected: Path) -> None:
    weights = load_file(collected / "model" / "model.safetensors")
    assert {name: array.tolist() for name, array in weights.items()} == {f"{v}.weight": [len(v)] * 3 for v in VIEWS}
    history = pd.read_csv(collected / "model" / "history.csv")
    assert history[["epoch", "step", "train_loss", "val_loss"]].to_numpy().tolist() == [
        [1, 6, 1.5, 1.25],
        [2, 12, 1, 0.75],
    ]
    config = json.loads((collected / "model" / "config.json").read_text())
    split = pd.read_parquet(hearts.split)
    assert config["split_hash"] == split_hash(split["eid"], split["split"])
    assert (config["parameters"], config["best_epoch"], config["best_val_loss"]) == (9, 2, 0.75)
    assert config["participants"] == {"test": 3, "train": 4, "val": 2}


def test_a_mask_that_lacks_or_has_another_shape_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"case_000001\.nii\.gz: nnU-Net's mask cannot be read"):
        read_labels(tmp_path / "case_000001.nii.gz", (3, 4, 5))
    nib.save(nib.Nifti1Image(np.zeros((5, 4, 2), np.uint8), np.eye(4)), tmp_path / "case_000001.nii.gz")
    with pytest.raises(UserError, match=r"mask is \(2, 4, 5\), its images are \(3, 4, 5\)"):
        read_labels(tmp_path / "case_000001.nii.gz", (3, 4, 5))

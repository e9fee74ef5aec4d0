"""A system with a single view: what it is trained on, and that nothing of the other view reaches it."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from training import toy
from vita.evaluation import embeddings, reconstruction
from vita.plan.variants import VIEWS
from vita.training import stage1, stage2, stage3

OTHER = {"la": slice(3, 9), "sa": slice(0, 3)}


def spoilt(planes: slice, folder: Path, monkeypatch: pytest.MonkeyPatch) -> toy.Toy:
    """The toy cohort with noise instead of these planes."""
    heart, noise = toy.heart, np.random.default_rng(5)

    def half_a_heart(radius, generator):
        voxels, masks = heart(radius, generator)
        voxels[planes] = noise.integers(0, 240, voxels[planes].shape)
        return voxels, masks

    monkeypatch.setattr(toy, "heart", half_a_heart)
    return toy.make(folder)


def predicted(cohort: toy.Toy, folder: Path, **model) -> tuple[np.ndarray, np.ndarray]:
    """Predictions of the test split after all three stages, and embeddings of Stage II."""
    short = {"epochs": 1, "model": model}
    stage1.main(cohort.arguments("stage1", folder / "1", **short, mask_ratio=0.5))
    stage2.main([*cohort.arguments("stage2", folder / "2", **short), "--init", str(folder / "1")])
    own = cohort.stage3("sa_phenotypes", "vita_la" if model else "vita", folder / "3", **short)
    stage3.main([*own, "--init", str(folder / "2")])
    own = cohort.arguments("stage1", folder / "e.parquet", **short)
    embeddings.main([*own, "--stage-dir", str(folder / "2")])
    vectors = pd.read_parquet(folder / "e.parquet")["vector"]
    return pd.read_parquet(folder / "3/predictions.parquet")["prediction"].to_numpy(), np.stack(vectors)


@pytest.mark.parametrize("view", list(VIEWS))
def test_the_other_view_changes_nothing(cohort, tmp_path, monkeypatch, view):
    changed = spoilt(OTHER[view], tmp_path / "toy", monkeypatch)
    model = {"view_of_plane": VIEWS[view][0]}
    before, after = predicted(cohort, tmp_path / "a", **model), predicted(changed, tmp_path / "b", **model)
    assert np.array_equal(before[0], after[0])
    assert np.array_equal(before[1], after[1])


def test_its_own_view_does(cohort, tmp_path, monkeypatch):
    changed = spoilt(OTHER["sa"], tmp_path / "toy", monkeypatch)
    for name, model in {"long axis": {"view_of_plane": VIEWS["la"][0]}, "both": {}}.items():
        before, after = (predicted(each, tmp_path / each.folder.name / name, **model) for each in (cohort, changed))
        assert not np.array_equal(before[0], after[0]), name


def test_reconstructions_leave_the_other_view_empty(cohort, tmp_path):
    own = {"model": {"view_of_plane": VIEWS["sa"][0]}, "epochs": 1}
    stage1.main(cohort.arguments("stage1", tmp_path / "1", **own, mask_ratio=0.5))
    arguments = [*cohort.arguments("stage1", tmp_path / "r.parquet", **own), "--model-dir", str(tmp_path / "1")]
    reconstruction.main([*arguments, "--examples", str(tmp_path / "r.npz")])
    with np.load(tmp_path / "r.npz") as shown:
        assert shown["input"].shape[1] == toy.PLANES
        assert not shown["input"][:, OTHER["sa"]].any()
        assert shown["input"][:, OTHER["la"]].any(axis=(2, 3, 4)).all()

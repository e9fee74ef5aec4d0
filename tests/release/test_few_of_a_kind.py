"""AUCs of subgroups in which few people have the disease, or do not have it: each count by hand."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from vita.evaluation.small_counts import FEW_POSITIVES
from vita.release.few_of_a_kind import without_rare_kinds

CELL = 10
WOMEN, MEN, TRAINED = 40, 30, 50


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """40 women, 30 men, and 50 more women who are in the training split, all of whom have the disease."""
    eid = np.arange(1, WOMEN + MEN + TRAINED + 1)
    sex = np.r_[np.zeros(WOMEN, int), np.ones(MEN, int), np.zeros(TRAINED, int)]
    pd.DataFrame({"eid": eid, "sex": sex}).to_parquet(tmp_path / "fields.parquet")
    return tmp_path


def predict(folder: Path, women_ill: int, men_ill: int, unknown_men: int = 0, target: str = "cad") -> None:
    """Add predictions of the first so many women and men having the disease, and of the last men not being known."""
    women, men = np.arange(1, WOMEN + 1), np.arange(WOMEN + 1, WOMEN + MEN + 1)
    truth = np.r_[women <= women_ill, men <= WOMEN + men_ill, np.ones(TRAINED, bool)].astype(float)
    truth[WOMEN + MEN - unknown_men : WOMEN + MEN] = np.nan
    eid = np.arange(1, len(truth) + 1)
    split = np.where(eid <= WOMEN + MEN, "test", "train")
    rows = pd.DataFrame({"eid": eid, "split": split, "target": target, "truth": truth, "prediction": 0.5})
    path = folder / "vita.parquet"
    known = [pd.read_parquet(path)] if path.is_file() else []
    pd.concat([*known, rows]).to_parquet(path)


def table(target: str = "cad", metric: str = "auc") -> pd.DataFrame:
    rows = [
        (target, "all", "all", WOMEN + MEN),
        (target, "sex", "female", WOMEN),
        (target, "sex", "male", MEN),
    ]
    found = pd.DataFrame(rows, columns=["target", "group", "level", "n"])
    return found.assign(model="vita", metric=metric, value=0.7, low=0.6, high=0.8, note=None)


@pytest.mark.parametrize(
    ("women_ill", "men_ill", "kept"),
    [
        (10, 10, [True, True, True]),  # ten and 30 of the women, ten and 20 of the men
        (9, 10, [True, False, True]),  # nine women have it
        (10, 21, [True, True, False]),  # nine men do not
        (4, 5, [False, False, False]),  # nine of all
        (0, 20, [True, False, True]),  # no woman: her AUC would not exist
    ],
)
def test_an_auc_stays_where_ten_of_each_kind_are_compared(
    women_ill: int, men_ill: int, kept: list[bool], folder: Path
) -> None:
    predict(folder, women_ill, men_ill)
    found, removed = without_rare_kinds(table(), folder, folder / "fields.parquet", CELL)
    assert found["value"].notna().tolist() == kept
    assert found[["low", "high"]].notna().all(axis=1).tolist() == kept
    assert [note == FEW_POSITIVES for note in found["note"]] == [not each for each in kept]
    assert removed == kept.count(False)


def test_people_whose_disease_is_not_known_do_not_count(folder: Path) -> None:
    """Of 20 men without it, eleven are not known: nine are left."""
    predict(folder, 10, 10, unknown_men=11)
    found, _ = without_rare_kinds(table(), folder, folder / "fields.parquet", CELL)
    assert found["value"].notna().tolist() == [True, True, False]


def test_each_target_has_its_own_count(folder: Path) -> None:
    predict(folder, 10, 10, target="cad")
    predict(folder, 3, 10, target="stroke")
    both = pd.concat([table("cad"), table("stroke")], ignore_index=True)
    found, removed = without_rare_kinds(both, folder, folder / "fields.parquet", CELL)
    assert found["value"].notna().tolist() == [True, True, True, True, False, True]
    assert removed == 1


def test_a_larger_cell_removes_more(folder: Path) -> None:
    predict(folder, 10, 12)
    found, _ = without_rare_kinds(table(), folder, folder / "fields.parquet", 12)
    assert found["value"].notna().tolist() == [True, False, True]


def test_other_metrics_and_empty_values_are_as_they_were(folder: Path) -> None:
    """An error is a mean over everybody in the group; a value that is missing for its own reason keeps it."""
    predict(folder, 0, 0)
    errors = table(metric="mae")
    pd.testing.assert_frame_equal(without_rare_kinds(errors, folder, folder / "fields.parquet", CELL)[0], errors)
    empty = table().assign(value=np.nan, low=np.nan, high=np.nan, note="one kind only")
    found, removed = without_rare_kinds(empty, folder, folder / "fields.parquet", CELL)
    assert removed == 0
    assert found["note"].eq("one kind only").all()

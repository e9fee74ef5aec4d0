"""Mean and SD over seeds, by hand."""

import pandas as pd
import pytest

from vita.evaluation import over_seeds
from vita.runtime.errors import UserError


def _errors(*mae: float, small: int = 40) -> pd.DataFrame:
    """Metrics of three targets, the last of which no table prints, the second of `small` people."""
    about = {"task": "sa_phenotypes", "model": "vita", "target": ["LVEDV", "LVM", "LVESV"]}
    return pd.DataFrame(about | {"in_table": [1, 1, 0], "n": [40, small, 40], "mae": mae, "bias": 1.0})


def _run(tmp_path, *tables: pd.DataFrame) -> pd.DataFrame:
    paths = [tmp_path / f"{place}.csv" for place in range(len(tables))]
    for path, table in zip(paths, tables, strict=True):
        table.to_csv(path, index=False)
    out = tmp_path / "out.csv"
    over_seeds.main(["--metrics", *map(str, paths), "--output", str(out)])
    return pd.read_csv(out)


def test_mean_and_sd_of_three_seeds(tmp_path):
    found = _run(tmp_path, _errors(1.0, 4.0, 9.0), _errors(2.0, 8.0, 9.0), _errors(3.0, 6.0, 9.0)).set_index("target")
    assert list(found["seeds"]) == [3] * 4
    assert list(found["mae_seeds_mean"]) == pytest.approx([2.0, 6.0, 9.0, 4.0])
    # averages of the two printed targets are 2.5, 5 and 4.5: their SD is not the mean of 1 and 2
    assert list(found["mae_seeds_sd"]) == pytest.approx([1.0, 2.0, 0.0, ((1.5**2 + 1**2 + 0.5**2) / 2) ** 0.5])
    assert list(found.index) == ["LVEDV", "LVM", "LVESV", "Average"]
    assert "bias_seeds_mean" not in found


def test_a_target_of_few_people_is_not_in_the_average(tmp_path):
    found = _run(tmp_path, _errors(1.0, 50.0, 9.0, small=9), _errors(2.0, 90.0, 9.0, small=9)).set_index("target")
    assert found.loc["Average", "mae_seeds_mean"] == pytest.approx(1.5)


def test_views_and_phases_of_masks_are_rows_of_their_own_without_an_average(tmp_path):
    about = {"task": "segmentation", "model": "vita", "target": "LVBP", "view": ["all", "sa"], "phase": "all", "n": 20}
    found = _run(tmp_path, *(pd.DataFrame(about | {"dice": dice}) for dice in ([0.8, 0.6], [0.9, 0.8])))
    assert list(found["view"]) == ["all", "sa"]
    assert list(found["dice_seeds_mean"]) == pytest.approx([0.85, 0.7])
    assert list(found["dice_seeds_sd"]) == pytest.approx([0.1 / 2**0.5, 0.2 / 2**0.5])


def test_a_metric_that_one_seed_lacks_has_no_mean(tmp_path):
    about = {"task": "disease_cad", "model": "vita", "target": ["cad"], "n": 40, "auc": [0.7]}
    tables = [pd.DataFrame(about | {"precision": precision}) for precision in ([0.5], [None])]
    found = _run(tmp_path, *tables)
    assert found.loc[0, "auc_seeds_sd"] == 0
    assert pd.isna(found.loc[0, "precision_seeds_mean"])
    assert pd.isna(found.loc[0, "precision_seeds_sd"])


def test_one_seed_and_tables_of_different_targets_are_refused(tmp_path):
    with pytest.raises(UserError, match="two seeds or more"):
        over_seeds.over_seeds([_errors(1.0, 2.0, 3.0)])
    with pytest.raises(UserError, match="different systems, tasks or targets"):
        over_seeds.over_seeds([_errors(1.0, 2.0, 3.0), _errors(1.0, 2.0, 3.0).iloc[::-1]])

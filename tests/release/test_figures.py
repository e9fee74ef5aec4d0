"""Aggregates against hand counts, and figures that hold no participant's value."""

import numpy as np
import pandas as pd
import pytest

from vita.release.aggregates import bands, box, cells_of, hexagons, rounded_count
from vita.release.figures import aggregate
from vita.release.safe import rounded, safe_markdown, safe_table


def test_a_point_lies_in_the_nearest_hexagon() -> None:
    rng = np.random.default_rng(0)
    x, y = rng.random(500), rng.random(500)
    member, centre_x, centre_y = cells_of(x, y, 8)
    away = (centre_x[None] - x[:, None]) ** 2 + (centre_y[None] - y[:, None]) ** 2
    nearest = away.min(axis=1)
    assert np.allclose(away[np.arange(500), member], nearest, rtol=1e-6) or (
        np.mean(np.isclose(away[np.arange(500), member], nearest)) > 0.99
    )


def test_hexagons_hold_ten_people_and_their_mean() -> None:
    rng = np.random.default_rng(1)
    points = pd.DataFrame({"x": rng.normal(size=800), "y": rng.normal(size=800)})
    points["LVEDV"] = 100 + 10 * points["x"]
    table = hexagons(points, 10, ["LVEDV"])
    assert (table["n"] >= 10).all()
    assert (table["n"] % 10 == 0).all()
    assert 0.8 * 800 <= table["n"].sum() <= 1.3 * 800
    assert np.corrcoef(table["x"], table["LVEDV"])[0, 1] > 0.95
    assert not set(table["LVEDV"].round(6)) & set(points["LVEDV"].round(6))


def test_a_hexagon_of_sections_counts_people_once() -> None:
    """Ten sections of each of five people are fifty points, but five people: too few."""

    def at_two_places(people: int) -> pd.DataFrame:
        one = pd.DataFrame({"x": 0.0, "y": 0.0, "section": np.tile(np.arange(10), people)})
        return pd.concat([one, one.assign(x=1.0, y=1.0)])

    assert hexagons(at_two_places(5), 10, person_by="section").empty
    assert hexagons(at_two_places(15), 10, person_by="section")["n"].tolist() == [20, 20]


def test_bands_are_means_of_equal_parts() -> None:
    points = pd.DataFrame({"a": np.arange(40.0), "b": np.arange(40.0) * 2})
    table = bands(points, "a", "b", 10)
    assert table["a"].tolist() == [4.5, 14.5, 24.5, 34.5]
    assert table["b"].tolist() == [9, 29, 49, 69]
    assert table["n"].tolist() == [10] * 4
    assert bands(points[:9], "a", "b", 10).empty


def test_quartiles_are_means_of_ten_people() -> None:
    found = box(pd.Series(np.arange(101.0)), 10)
    assert (found["n"], found["mean"]) == (101, 50)
    assert found["median"] == np.mean(np.arange(45, 55)).round(1)
    assert np.isnan(box(pd.Series(np.arange(49.0)), 10)["median"])
    assert np.isnan(box(pd.Series(np.arange(9.0)), 10)["mean"])


@pytest.mark.parametrize(("count", "said"), [(10, 10), (14, 10), (16, 20), (123, 120)])
def test_counts_are_told_in_tens(count: int, said: int) -> None:
    assert rounded_count(count, 10) == said


@pytest.mark.parametrize(
    ("text", "said"),
    [("29.385052080867432", "29.39"), ("1.0", "1"), ("20", "20"), ("LVEDV", "LVEDV"), ("", ""), ("12345.678", "12350"),
     ("0.00001234", "1.2e-05"), ("-0.05", "-0.05"), ("nan", "nan"), ("2016-05-02", "2016-05-02")],
)  # fmt: skip
def test_numbers_are_rounded(text: str, said: str) -> None:
    assert rounded(text) == said


def test_a_group_that_follows_from_the_total_takes_another_with_it() -> None:
    text = "target,group,level,n,value\nLVEDV,all,all,20,9.15\nLVEDV,sex,female,14,9.01\nLVEDV,sex,male,<10,\n"
    safe, withheld = safe_table(text, 10, {})
    assert safe is not None
    assert withheld == 1
    assert safe.splitlines()[1] == "LVEDV,all,all,20,9.15"
    assert safe.splitlines()[2] == "LVEDV,sex,female,<10,"


def test_scores_of_few_with_a_disease_are_withheld() -> None:
    text = "target,n,positives,recall\ncad,120,,0.875\nstroke,120,40,0.725\n"
    safe, withheld = safe_table(text, 10, {})
    assert (safe, withheld) == ("target,n,positives,recall\ncad,<10,,\nstroke,120,40,0.725\n", 1)


def test_a_table_of_rows_has_no_form() -> None:
    values = "\n".join(f"{value:.6f}" for value in np.random.default_rng(0).normal(size=60))
    assert safe_table(f"value\n{values}\n", 10, {60: "the test split"}) == (None, 0)


def test_a_card_withholds_a_second_part() -> None:
    card = "# Card\n\n|  | train | val | test | all |\n| --- | ---: | ---: | ---: | ---: |\n"
    card += "| Female | 15 (53.6 %) | &lt;10 | 14 | 35 (57.4 %) |\n"
    safe = safe_markdown(card, 10, {})
    assert safe.splitlines()[-1] == "| Female | 15 (53.6 %) | &lt;10 | &lt;10 | 35 (57.4 %) |"


def test_a_scatter_of_too_few_people_is_not_drawn() -> None:
    drawn = pd.DataFrame({"target": "LVEDV", "title": "LVEDV", "unit": "mL", "truth": range(8), "prediction": range(8)})
    found = aggregate("fig5_phenotype_scatter", drawn, 10)
    assert found.figure is None
    assert found.table.empty


def test_curves_keep_their_band_only_with_ten_people_beyond_it() -> None:
    drawn = pd.DataFrame(
        {"structure": "LV", "phase": [0.0, 0.5], "low": [90, 60], "median": [140, 80], "high": [210, 120]}
    )
    assert aggregate("volume_curves", drawn.assign(n=61), 10).table["low"].isna().all()
    assert aggregate("volume_curves", drawn.assign(n=400), 10).table["low"].tolist() == [90, 60]
    assert aggregate("volume_curves", drawn.assign(n=15), 10).table.empty


def test_scores_and_single_values_are_withheld_or_shortened() -> None:
    """By hand: a recall of 6/14 tells of 6 people; the threshold is one participant's probability."""
    text = "target,n,positives,threshold,auc,recall,precision\na,113,14,0.14198,0.7518,0.4286,0.24\n"
    assert safe_table(text, 10, {}) == (
        "target,n,positives,threshold,auc,recall,precision\na,113,14,0.14,0.7518,,\n",
        1,
    )
    text = "view,n,low,median,high\nsa,875,38.7184,46.45,58.25\n"
    assert safe_table(text, 10, {})[0] == "view,n,low,median,high\nsa,880,39,46,58\n"
    card = "| a | Positive | n | Recall | Precision |\n| --- | --- | --- | --- | --- |\n"
    card += "| x | 0.218 | 142 | 0.290 | 0.6 |\n"
    card += "| y | 0.5 | 142 | 0.5 | 0.5 |\n"
    assert safe_markdown(card, 10, {}).splitlines()[2:] == [
        "| x | 0.218 | 142 |  |  |",
        "| y | 0.5 | 142 | 0.5 | 0.5 |",
    ]

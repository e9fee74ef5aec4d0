"""Figures of the extensions as they leave: no step of a curve, no group and no count tells of few people."""

import numpy as np
import pandas as pd
import pytest

from vita.release.figures import aggregate, released_as_pixels

CELL = 10
STEPS = ("low", "middle", "high")


@pytest.fixture
def curves() -> pd.DataFrame:
    """A group of 80, of whom 4, 8, 12 and 24 are ill by 1, 2, 3 and 4 years, and one of 15."""
    rows = [
        {"group": group, "n": n, "years": float(years), "incidence": ill / n}
        for group, n, counts in ((1, 80, (0, 4, 8, 12, 24)), (2, 15, (0, 5, 10, 11, 12)))
        for years, ill in enumerate(counts)
    ]
    about = {"outcome": "cad", "title": "CAD", "groups": 2, "events": 24, "predicted_5": 0.123456, "at_risk": 7}
    return pd.DataFrame(rows).assign(**about, low=0.01, high=0.5)


def test_a_curve_steps_by_at_least_ten_people(curves) -> None:
    found = aggregate("cumulative_incidence", curves, CELL)
    assert found.table["years"].tolist() == [0, 3, 4]
    assert found.table["incidence"].tolist() == [0, 0.15, 0.3]
    assert set(found.table["n"]) == {80}
    assert not {"at_risk", "events"} & set(found.table.columns)
    assert found.figure is not None
    assert aggregate("cumulative_incidence", curves[curves["group"] == 2], CELL).figure is None


def test_associations_are_counted_by_group_of_features() -> None:
    rows = [
        {"group": group, "trait": f"{group}{place}", "kind": "phenotype", "outcome": "LVEF", "n": 300, "effect": 0.1}
        | {"p": q / 10, "q": q}
        for group, qs in {"diet": (0.9, 0.5), "ecg": (0.001, 0.2, 0.01)}.items()
        for place, q in enumerate(qs)
    ]
    found = aggregate("association_map", pd.DataFrame(rows), CELL)
    assert found.table.to_dict("list") == {
        "group": ["diet", "ecg"],
        "kind": ["phenotype"] * 2,
        "features": [2, 3],
        "found": [0, 2],
    }
    assert found.figure is not None


def test_coverage_and_labels_have_whole_cells_and_few_digits() -> None:
    row = {"model": "vita", "group": "sex", "level": "female", "targets": 3}
    shares = {f"{name}{end}": 0.912345 for name in ("coverage", "ratio") for end in ("", "_low", "_high")}
    drawn = pd.DataFrame([row | shares | {"n": 87}, row | shares | {"n": 15, "level": "male"}])
    found = aggregate("conformal_coverage", drawn, CELL)
    assert found.table["n"].tolist() == [90]
    assert found.table["coverage"].tolist() == [0.91]
    line = {
        "task": "diseases",
        "metric": "auc",
        "model": "vita",
        "draws": 3,
        "value": 0.81234,
        "low": 0.8,
        "high": 0.83,
    }
    drawn = pd.DataFrame([line | {"percent": 10, "n": 57}, line | {"percent": 2, "n": 9}])
    found = aggregate("label_curves", drawn, CELL)
    assert found.table[["n", "value"]].to_numpy().tolist() == [[60, 0.812]]


def test_availability_has_whole_cells_and_few_digits() -> None:
    row = {"title": "CAD", "model": "any_part", "kind": "random", "low": 0.71234, "high": 0.91234}
    rows = [row | {"task": "disease_cad", "percent": level, "n": 142, "auc": 0.81234} for level in (0, 50, 100)]
    few = row | {"task": "disease_stroke", "percent": 0, "n": 9, "auc": 0.7}
    clinical = rows[0] | {"kind": "clinical", "part": "Age and sex"}
    found = aggregate("availability_curves", pd.DataFrame([*rows, few, clinical]), CELL)
    assert found.table["n"].tolist() == [140] * 4
    assert found.table.loc[0, ["auc", "low", "high"]].tolist() == [0.812, 0.712, 0.912]
    assert found.figure is not None
    assert aggregate("availability_curves", pd.DataFrame([few]), CELL).figure is None


def test_phenotypes_have_whole_cells_and_few_digits() -> None:
    values = dict(
        zip(("ratio", "low", "high", "r2", "r2_low", "r2_high"), (0.71234, 0.6, 0.8, 0.41234, 0.3, 0.5), strict=True)
    )
    row = {"task": "sa_phenotypes", "target": "Average", "model": "any_part", "kind": "random", "part": "", **values}
    few = row | {"task": "la_phenotypes", "percent": 0, "n": 9}
    drawn = pd.DataFrame([*(row | {"percent": level, "n": 142} for level in (0, 100)), few])
    found = aggregate("phenotype_curves", drawn, CELL)
    assert found.table["n"].tolist() == [140] * 2
    assert found.table.loc[0, ["ratio", "r2"]].tolist() == [0.712, 0.412]
    assert found.figure is not None
    assert aggregate("phenotype_curves", pd.DataFrame([few]), CELL).figure is None


def test_directions_have_no_pixels_and_few_digits() -> None:
    row = {"direction": "LVEDV", "title": "LVEDV", "unit": "ml", "n": 572, "r": 0.85456, "n_test": 170}
    row |= {"low": 80.339, "middle": 141.263, "high": 202.187, "panel": "4-chamber, end-diastole", "change": 0.14075}
    other = row | {"direction": "PC 1", "title": "PC 1", "n_test": 0, "r": np.nan} | dict.fromkeys(STEPS, np.nan)
    found = aggregate("latent_directions", pd.DataFrame([row, other, row | {"n": 19}]), CELL)
    assert found.table["n"].tolist() == [570] * 2
    assert found.table.loc[0, ["r", *STEPS, "change"]].tolist() == [0.85, 80.3, 141, 202, 0.141]
    assert "n_test" not in found.table
    assert found.figure is not None
    assert not found.figure.axes[0].images
    assert aggregate("latent_directions", pd.DataFrame([row | {"n": 19}]), CELL).figure is None


def test_pixels_leave_only_of_a_phantom() -> None:
    assert released_as_pixels("latent_directions", phantom=True)
    assert not released_as_pixels("latent_directions", phantom=False)  # its numbers do
    assert released_as_pixels("figB9_reconstructions", phantom=False)  # there is no other form: it stays

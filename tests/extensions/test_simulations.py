"""The command of simulations: what it writes, that it can fail, and that other worlds give other numbers."""

from pathlib import Path

import pandas as pd
import pytest

from vita.extensions import simulations
from vita.phantom import hazards


def test_the_command_writes_a_row_per_number(tmp_path: Path) -> None:
    simulations.main(["--cohorts", "3", "--seed", "5", "--output", str(tmp_path / "a.csv")])
    table = pd.read_csv(tmp_path / "a.csv").set_index(["simulation", "number"])
    assert list(table.columns) == simulations.COLUMNS[2:]
    planted = table.loc["planted hazards", "value"]
    assert list(planted.index) == ["all", *hazards.WEIGHTS["heart_failure"]]
    assert planted["all"] == pytest.approx(planted.iloc[1:].mean())
    assert table.loc["coverage", "value"].between(0.87, 0.93).all()
    assert table.loc[("lambda", "permuted traits"), "value"] == pytest.approx(1, abs=0.05)
    assert table.loc[["coverage", "lambda"], "holds"].all()


def test_a_number_out_of_its_range_does_not_hold(monkeypatch) -> None:
    monkeypatch.setattr(simulations, "permuted_lambda", lambda seed: 1.06)
    missed = pd.DataFrame({"age": [True] * 8 + [False] * 2, "smokes": [True] * 10})
    monkeypatch.setattr(simulations, "covered_hazards", lambda cohorts, seed: missed)
    rows = pd.DataFrame(simulations.simulate(10, 0)).set_index("number")
    assert rows["holds"].to_dict() == {
        "all": False,
        "age": False,
        "smokes": True,
        "lowest of groups": True,
        "highest of groups": True,
        "permuted traits": False,
    }


def test_a_hazard_that_is_not_the_planted_one_is_not_covered(monkeypatch) -> None:
    """Cohorts of the world as it is, and a claim of no effect of the ejection fraction."""
    drawn = [simulations.cohort(seed) for seed in range(3)]
    monkeypatch.setattr(simulations, "cohort", lambda seed: drawn[seed])
    claimed = hazards.WEIGHTS["heart_failure"] | {"ejection": 0.0}
    monkeypatch.setitem(hazards.WEIGHTS, "heart_failure", claimed)
    assert not simulations.covered_hazards(3, 0)["ejection"].any()

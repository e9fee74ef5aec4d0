"""A cohort of made-up people in the shape of a results folder."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

PEOPLE = 400
TEST = 120


def people(count: int = PEOPLE, seed: int = 5) -> dict[str, pd.DataFrame]:
    """Tables of a cohort: fields, phenotypes, labels, a split, and predictions of its test split."""
    rng = np.random.default_rng(seed)
    eid = np.sort(rng.choice(np.arange(7_000_000, 7_900_000), count, replace=False))  # ids that nobody has
    size = rng.normal(0, 1, count)
    phenotypes = pd.DataFrame({"eid": eid})
    for name, mean, sd in (
        ("LVEDV", 145, 32),
        ("LVESV", 60, 18),
        ("LVM", 115, 28),
        ("RVEDV", 152, 36),
        ("LAV max", 71, 20),
        ("LVEF", 59, 6),
    ):
        phenotypes[name] = mean + sd * (0.7 * size + 0.7 * rng.normal(0, 1, count))
    fields = pd.DataFrame({"eid": eid, "sex": rng.integers(0, 2, count), "age": rng.integers(46, 82, count)})
    fields["weight"] = np.round(78 + 12 * size + rng.normal(0, 8, count), 1)
    fields["income"] = np.round(np.exp(rng.normal(3, 0.5, count)), 4)
    fields.loc[3, "income"] = 25_000.1234  # one person who dominates every sum over a group
    labels = pd.DataFrame({"eid": eid, "cad": rng.random(count) < 0.2, "imaging_date": "2016-05-02"})
    labels["rare"] = np.arange(count) % 80 == 1
    split = pd.DataFrame({"eid": eid, "split": np.where(np.arange(count) < TEST, "test", "train")})
    test = phenotypes.iloc[:TEST]
    predictions = pd.concat(
        [
            pd.DataFrame(
                {
                    "eid": test["eid"],
                    "split": "test",
                    "target": name,
                    "truth": test[name],
                    "prediction": test[name].mean() + 0.6 * (test[name] - test[name].mean()) + rng.normal(0, 5, TEST),
                }
            )
            for name in ("LVEDV", "LVESV", "LVM")
        ]
    )
    return {
        "cohort/fields": fields,
        "cohort/labels": labels,
        "cohort/split": split,
        "images/phenotypes": phenotypes,
        "predictions/sa_phenotypes/vita": predictions,
    }


def write(folder: Path, tables: dict[str, pd.DataFrame], source: str = "files") -> None:
    """Write tables as a results folder."""
    for name, table in tables.items():
        path = folder / f"{name}.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        table.to_parquet(path, index=False)
    (folder / "config.json").write_text(json.dumps({"input": {"source": source}}))


@pytest.fixture(scope="session")
def tables() -> dict[str, pd.DataFrame]:
    return people()


@pytest.fixture(scope="session")
def results(tmp_path_factory: pytest.TempPathFactory, tables: dict[str, pd.DataFrame]) -> Path:
    folder = tmp_path_factory.mktemp("run") / "results"
    write(folder, tables)
    return folder

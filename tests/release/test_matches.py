"""Lone matches against the number of comparisons in the folder: by hand, and with clean folders of any size."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from safetensors.numpy import save_file
from tests.release.test_leaks import PLANT, Tables, kinds

from vita.release.attack import join
from vita.release.checking import check
from vita.release.cohort import Cohort, read_cohort
from vita.release.contents import Table
from vita.release.matches import EXTREMES, ROWS, SUMS, Compared, evident

CELL = 10


@pytest.fixture(scope="module")
def cohort(results: Path) -> Cohort:
    return read_cohort([results], CELL)


def compared(chances: list[float], rows: int = 0) -> Compared:
    found = Compared(rows)
    found.note(SUMS, np.arange(1.0, len(chances) + 1), np.zeros(len(chances), int), np.array(chances))
    return found


def test_comparisons_that_could_not_be_as_good_do_not_count() -> None:
    """0.01 alone is evidence, among three as good it is 0.03 and among five 0.05; a hundred of 0.4 change nothing."""
    assert evident(SUMS, [0.01], compared([0.01])) == [True]
    assert evident(SUMS, [0.01], compared([0.01] * 3 + [0.4] * 100)) == [True]
    assert evident(SUMS, [0.01], compared([0.01] * 6)) == [False]
    assert evident(SUMS, [0.01, 1e-6], compared([0.01] * 6 + [1e-6])) == [False, True]


def test_a_row_is_judged_by_the_number_of_rows() -> None:
    assert evident(ROWS, [1e-5, 1e-7], compared([], rows=10_000)) == [False, True]
    assert evident(ROWS, [1e-5], compared([], rows=100)) == [True]


def test_a_number_that_is_printed_in_several_forms_is_one_comparison() -> None:
    """In a CSV, in Markdown and on the page."""
    found = compared([0.02])
    for _ in range(9):
        found.add(compared([0.02]))
    assert evident(SUMS, [0.02], found) == [True]


def test_a_match_that_others_support_needs_no_chance() -> None:
    assert evident(EXTREMES, [0.0], compared([0.4] * 1000)) == [True]


def times(folder: Path, files: int) -> None:
    """Benchmark files of jobs, as Snakemake writes them: a column is called a maximum, and numbers are long."""
    rng = np.random.default_rng(11)
    for number in range(files):
        seconds, memory = 10 ** rng.uniform(0, 3), rng.uniform(150, 270)
        row = pd.DataFrame({"s": [seconds], "max_rss": [memory], "max_pss": [memory * 0.95], "max_uss": [memory * 0.9]})
        row.to_csv(folder / f"job{number}.tsv", sep="\t", index=False, float_format="%.2f")


def test_many_clean_files_are_not_refused_by_chance(cohort: Cohort, tmp_path: Path) -> None:
    """Among 600 there are such that are refused if nothing but their own numbers is considered."""
    times(tmp_path, 600)
    outputs = check(tmp_path, cohort, CELL, cohort.ids)
    assert any(output.doubtful for output in outputs)
    assert not kinds(outputs)


@pytest.mark.parametrize("name", PLANT)
def test_a_leak_among_many_clean_files_is_refused(name: str, tables: Tables, cohort: Cohort, tmp_path: Path) -> None:
    """And nothing else is."""
    kind, plant = PLANT[name]
    times(tmp_path, 100)
    plant(tables, tmp_path / name)
    outputs = check(tmp_path, cohort, CELL, cohort.ids)
    refused = {output.path.name for output in outputs if output.findings}
    assert refused == {name}
    assert kind in kinds(outputs)


@pytest.fixture(scope="module")
def dense(tmp_path_factory: pytest.TempPathFactory) -> Cohort:
    """500 people with 300 values each between 0 and 0.3, stored in 4 bytes as predictions are."""
    values = np.random.default_rng(5).uniform(0, 0.3, (500, 300)).astype(np.float32)
    table = pd.DataFrame(values, columns=[f"v{number}" for number in range(300)])
    table.insert(0, "eid", np.arange(1000001, 1000501))
    path = tmp_path_factory.mktemp("dense") / "predictions.parquet"
    table.to_parquet(path)
    return read_cohort([path], CELL)


def test_a_short_row_of_one_person_may_be_a_coincidence(dense: Cohort) -> None:
    """Each of four numbers of five decimals is near a value of 10 to 15 of the 500 people, so that they are somebody's
    by chance in 500 x (10 / 500)^4 to 500 x (15 / 500)^4 of all rows: evidence alone in a folder, none among thousands.
    """
    own = np.random.default_rng(5).uniform(0, 0.3, (500, 300)).astype(np.float32)[7, [5, 50, 200, 250]]
    table = Table("", (), [[f"{value:.5f}" for value in own]])
    (match,) = join(table, dense, Compared())
    assert match.people == {7}
    assert 8e-5 <= match.chance <= 4.05e-4
    assert evident(match.family, [match.chance], Compared(rows=3)) == [True]
    assert evident(match.family, [match.chance], Compared(rows=3000)) == [False]


@pytest.mark.parametrize("own", [False, True])
def test_a_vector_of_weights_is_not_refused_by_chance(own: bool, dense: Cohort, tmp_path: Path) -> None:
    """Of 1,000 numbers of eight digits some twenty equal one of 150,000 values; all do if they are people's own."""
    rng = np.random.default_rng(6)
    weights = rng.uniform(0.03, 0.1, 1000).astype(np.float32)
    if own:
        weights = rng.choice(np.concatenate([values.value for values in dense.columns.values()]), 1000).astype(
            np.float32
        )
    save_file({"head.std": weights}, tmp_path / "model.safetensors")
    assert bool(kinds(check(tmp_path, dense, CELL, dense.ids))) is own

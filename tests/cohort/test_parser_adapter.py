"""ukbb-parser behind its adapter against a plain implementation, without a trace in home directory or modules."""

import csv
import os
import subprocess
import sys

import pandas as pd
import polars as pl
import pytest

from vita.cohort.cases import find_cases
from vita.cohort.diagnoses import collect
from vita.cohort.icd10 import expand, load_code_lists, tree
from vita.cohort.parser_adapter import codes_for, parser

from . import world
from .public_tables import RESOURCES


@pytest.fixture(scope="module")
def plain() -> dict[str, frozenset[str]]:
    """Codes at and below each code, by walking up from every row of the table of codes."""
    with (RESOURCES / "coding19.tsv").open() as lines:
        rows = list(csv.DictReader(filter(lambda line: line[0] != "#", lines), delimiter="\t"))
    above = {row["coding"]: row["parent"] or None for row in rows}
    below: dict[str, set[str]] = {code: set() for code in above}
    for code in above:
        at: str | None = code
        while at is not None:
            below[at].add(code)
            at = above[at]
    return {code: frozenset(codes) for code, codes in below.items() if not code.startswith(("Block", "Chapter"))}


def test_tree_is_that_of_a_plain_implementation(plain):
    assert len(plain) > 10_000
    assert tree() == plain


def people_by_code(codes: pd.DataFrame, wanted: set[str]) -> dict[str, set[int]]:
    """Who has each wanted code or one below it, as ukbb-parser reads it, row by row."""
    with codes_for(parser()) as module:
        found = module.parse_raw_ICD10_dataset_into_tree(codes, desired_ICD10_codes=wanted, verbose=False)
    return {row.coding: row.samples for row in found.itertuples() if row.coding in wanted}


def test_labels_agree_with_the_parsers_own_reading(people, table):
    lists = load_code_lists(world.ICD10)
    facts = find_cases(collect([table], 2, (), 0.01), lists)
    columns = {name: cells for name, cells in people.items() if name.startswith("41270-")}
    codes = pd.DataFrame(columns, index=[int(eid) for eid in people["eid"]]).replace("", None)
    for disease in lists:
        found = people_by_code(codes, {code for code in lists[disease] if code in tree()})
        assert set(facts.filter(pl.col(f"has_{disease}"))["eid"]) == set().union(*found.values())
    assert people_by_code(codes, {"I25"})["I25"] == {
        eid for eid, row in zip(codes.index, codes.itertuples(index=False), strict=True) if set(row) & expand("I25")
    }


def test_import_leaves_no_trace(tmp_path):
    """In a fresh interpreter with an empty home: it works, nothing is written, the stand-ins are gone."""
    code = (
        "import sys; from vita.cohort.parser_adapter import icd10_tree; assert len(icd10_tree()) > 10000;"
        "assert not {'IPython', 'IPython.display', 'statsmodels.sandbox.stats.multicomp'} & set(sys.modules);"
        "assert not hasattr(sys.modules.get('imp'), 'ukbb_paths')"
    )
    environment = {"HOME": str(tmp_path), "PATH": "", "MPLCONFIGDIR": str(tmp_path / "mpl")}
    environment["PYTHONPATH"] = os.pathsep.join(sys.path)
    subprocess.run([sys.executable, "-c", code], check=True, env=environment)
    assert not (tmp_path / ".ukbb_paths.py").exists()

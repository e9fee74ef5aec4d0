"""ICD-10 code lists of the diseases, expanded on UK Biobank's tree of codes (data-coding 19).

An entry of a list is a code (`I251`), written without a dot, or a range of three-character codes (`I20-I25`, both ends
included). A code means itself and everything below it on the tree: `I21` is I21 and I210 to I219, `I251` is I251 alone,
and so is `I10`, since nothing is below it.

workflow/resources/icd10.tsv holds the lists as the paper prints them. The config's `labels.codes` replaces a
list; the strata of the split stay the paper's.
"""

import csv
import re
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from vita.runtime.errors import UserError

DISEASES = ("cad", "stroke", "hypertension", "infarct", "diabetes")
HIGH_BP = "high_blood_pressure"  # has no code list: an age of diagnosis, field 2966
LABELS = (*DISEASES, HIGH_BP)
_RANGE = re.compile(r"([A-Z]\d\d)-([A-Z]\d\d)")


@cache
def tree() -> dict[str, frozenset[str]]:
    """Every code of data-coding 19 with the codes at and below it; chapters and blocks are not codes."""
    from vita.cohort.dictionary import icd10_tree  # pandas and ukbb-parser: not needed for --help

    nodes = icd10_tree()
    coding, children = nodes["coding"].to_dict(), nodes["children_ids"].to_dict()

    @cache
    def below(node: int) -> frozenset[str]:
        return frozenset({coding[node]}).union(*(below(child) for child in children[node]))

    return {code: below(node) for node, code in coding.items() if not code.startswith(("Block", "Chapter"))}


def expand(entry: str) -> frozenset[str]:
    """Codes that an entry of a list means.

    Raises:
        UserError: the entry, or an end of its range, is not a code of data-coding 19.
    """
    known = tree()
    if match := _RANGE.fullmatch(entry):
        first, last = match.groups()
        parents = [code for code in known if len(code) == 3 and first <= code <= last]
        if first in known and last in known and parents:
            return frozenset().union(*(known[code] for code in parents))
    elif entry in known:
        return known[entry]
    raise UserError(f"ICD-10 entry {entry!r} is not a code, parent or range of UK Biobank's coding 19; write e.g. I251")


def expand_all(entries: Iterable[str]) -> frozenset[str]:
    """Codes that the entries of a list mean together.

    Raises:
        UserError: an entry is not valid.
    """
    return frozenset().union(*map(expand, entries))


def read_lists(path: str | Path) -> dict[str, list[str]]:
    """Entries of each disease's list as written in icd10.tsv (columns disease, codes separated by blanks).

    Raises:
        UserError: the file cannot be read, or a disease is missing, unknown or without codes.
    """
    try:
        with Path(path).open(encoding="utf-8", newline="") as lines:
            rows = list(csv.DictReader(lines, delimiter="\t"))
    except OSError as error:
        raise UserError(f"{path}: the ICD-10 table cannot be read: {error.strerror}") from error
    lists: dict[str, list[str]] = {}
    for line, row in enumerate(rows, start=2):
        if not row.get("disease") or not row.get("codes"):
            raise UserError(f"{path}, line {line}: needs the columns disease and codes, tab-separated")
        lists[row["disease"]] = row["codes"].split()
    if set(lists) != set(DISEASES):
        raise UserError(f"{path}: must list exactly {', '.join(DISEASES)}; it has {', '.join(lists)}")
    return lists


def load_code_lists(path: str | Path) -> dict[str, frozenset[str]]:
    """Every code of each disease of icd10.tsv.

    Raises:
        UserError: the file cannot be read, a disease is missing or unknown, or a code does not exist.
    """
    lists = {}
    for disease, entries in read_lists(path).items():
        try:
            lists[disease] = expand_all(entries)
        except UserError as error:
            raise UserError(f"{path}, {disease}: {error}") from error
    return lists

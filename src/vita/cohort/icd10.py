"""ICD-10 code lists of the diseases, expanded on UK Biobank's tree of codes (data-coding 19).

A list may hold single codes (`I251`), parents (`E11` is E11 and everything below it) and ranges (`I20-I25`).
"""

import csv
import re
from functools import cache
from pathlib import Path

from vita.errors import UserError

DISEASES = ("cad", "stroke", "hypertension", "infarct", "diabetes")
_RANGE = re.compile(r"([A-Z]\d\d)-([A-Z]\d\d)")


@cache
def tree() -> dict[str, frozenset[str]]:
    """Every code of data-coding 19 with the codes at and below it; chapters and blocks are no codes."""
    from vita.cohort.parser_adapter import icd10_tree  # pandas and ukbb-parser: not needed for --help

    nodes = icd10_tree()
    coding, children = nodes["coding"].to_dict(), nodes["children_ids"].to_dict()

    @cache
    def below(node: int) -> frozenset[str]:
        return frozenset({coding[node]}).union(*(below(child) for child in children[node]))

    return {code: below(node) for node, code in coding.items() if not code.startswith(("Block", "Chapter"))}


def expand(entry: str) -> frozenset[str]:
    """Codes that an entry of a list stands for.

    Raises:
        UserError: the entry, or an end of its range, is no code of data-coding 19.
    """
    known = tree()
    if match := _RANGE.fullmatch(entry):
        first, last = match.groups()
        parents = [code for code in known if len(code) == 3 and first <= code <= last]
        if first in known and last in known and parents:
            return frozenset().union(*(known[code] for code in parents))
    elif entry in known:
        return known[entry]
    raise UserError(f"ICD-10 entry {entry!r} is no code, parent or range of UK Biobank's coding 19; write e.g. I251")


def load_code_lists(path: str | Path) -> dict[str, frozenset[str]]:
    """Read icd10.tsv (columns disease, codes separated by blanks) and expand every entry.

    Raises:
        UserError: the file cannot be read, a disease lacks or is unknown, or a code does not exist.
    """
    try:
        with Path(path).open(encoding="utf-8", newline="") as lines:
            rows = list(csv.DictReader(lines, delimiter="\t"))
    except OSError as error:
        raise UserError(f"{path}: the ICD-10 table cannot be read: {error.strerror}") from error
    lists: dict[str, frozenset[str]] = {}
    for line, row in enumerate(rows, start=2):
        try:
            codes = [expand(entry) for entry in row["codes"].split()]
            lists[row["disease"]] = frozenset().union(*codes)
        except (KeyError, AttributeError) as error:
            raise UserError(f"{path}, line {line}: needs the columns disease and codes, tab-separated") from error
        except UserError as error:
            raise UserError(f"{path}, line {line}: {error}") from error
    if set(lists) != set(DISEASES):
        raise UserError(f"{path}: must list exactly {', '.join(DISEASES)}; it has {', '.join(lists)}")
    return lists

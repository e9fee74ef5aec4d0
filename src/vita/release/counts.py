"""Counts of people in tables: which cells are some, and which columns hold them."""

import re

from vita.release.contents import Table

_COUNT = re.compile(
    r"^(n|no|num|counts?|freq|frequency|people|persons|participants|subjects|patients|cases|controls|positives?|"
    r"negatives?|events?|deaths?|compared|(n_?)?(number )?at[_ ]risk|samples|n_?node_samples|leaf_counts?|total_n|n_.*|"
    r".*_n|(people|participant|patient|subject|case)_counts?|"
    r"number of (people|participants|cases).*)$"
)

TOTAL = {"all", "total", "overall", "any", "both", "everybody", "everyone", "sum", "margin"}

_WHOLE = re.compile(r"^\s*(\d{1,3}(?:[,\u202f\u00a0]\d{3})+|\d+)(?:\.0+)?\s*(?:\(\s*[\d.,]+\s*%\s*\))?\s*$")

_WITHHELD = re.compile(r"^\s*(?:<|&lt;|≤|less than|fewer than|under|\\textless\s*\{?\}?)\s*\$?\d+\s*$")


def count(text: str) -> int | None:
    """A cell as a count of people, with or without a share in brackets; None for anything else."""
    match = _WHOLE.match(text)
    return int(re.sub(r"\D", "", match[1])) if match else None


def is_withheld(text: str) -> bool:
    """Whether a cell states that its count is small."""
    return bool(_WITHHELD.match(text))


def counted(table: Table) -> list[int]:
    """Columns that hold counts of people, recognised by their names."""
    found = []
    nested = bool(_COUNT.match(re.split(r"[.\]]|, ", table.place.lower())[-1]))  # {"n": {"women": 40, "men": 60}}
    for column, name in enumerate(table.header):
        if nested or _COUNT.match(name.strip().lower()):
            values = [count(row[column]) for row in table.rows if column < len(row)]
            if any(value is not None for value in values):
                found.append(column)
    return found


def smallest(table: Table) -> int | None:
    """The smallest count of people in a table, other than zero."""
    values = [count(row[column]) for column in counted(table) for row in table.rows if column < len(row)]
    return min((value for value in values if value), default=None)

"""What a cell's text says: words for "missing", blanks around a value, and several values in one cell.

Most columns are parsed as they are; these functions take a second look at one that holds something else.
"""

import polars as pl

MISSING = ("", "NA")  # what the reader itself takes for missing
WORDS = ("", "na", "n/a", "<na>", "null", "none", "nan", ".", "[]")  # in any case; no value of any field is one of them
_LIST = r"[|;]|^\s*\["  # `I10|I251`, `I10;I251`, `["I10", "I251"]`


def settled(cells: pl.Series) -> pl.Series:
    """Text without blanks around it; words for "missing" are missing."""
    return cells.to_frame().select(settled_text(pl.col(cells.name))).to_series()


def settled_text(value: pl.Expr) -> pl.Expr:
    """As `settled`, of an expression."""
    bare = value.str.strip_chars()
    return pl.when(~bare.str.to_lowercase().is_in(WORDS)).then(bare)


def holds_lists(cells: pl.Series) -> bool:
    """Whether any cell of a text column holds several values."""
    return cells.dtype == pl.String and bool(cells.str.contains(_LIST).any())


def split(cells: pl.Series) -> pl.Series:
    """Cells of several values as lists of text; empty entries are null, a cell without any value is missing."""
    bare = pl.col(cells.name).str.strip_chars()
    literal = bare.str.strip_chars("[] ").str.replace_all(",", "|", literal=True)
    text = pl.when(bare.str.starts_with("[")).then(literal).otherwise(bare)
    bare = text.str.replace_all(r"\"([^\"]*)\"|'([^']*)'", "$1$2")  # an unpaired quote is not a value, and is refused
    parts = bare.str.replace_all(";", "|", literal=True).str.split("|")
    lists = parts.list.eval(settled_text(pl.element()))
    return cells.to_frame().select(_held(lists).alias(cells.name)).to_series()


def settled_lists(cells: pl.Series) -> pl.Series:
    """As `settled`, for lists of text; entries without a value are left out."""
    entries = pl.col(cells.name).list.eval(settled_text(pl.element()))
    return without_empty(cells.to_frame().select(entries).to_series())


def without_empty(lists: pl.Series) -> pl.Series:
    """Lists without their null entries; an empty list is missing."""
    return lists.to_frame().select(_held(pl.col(lists.name).list.drop_nulls()).alias(lists.name)).to_series()


def _held(lists: pl.Expr) -> pl.Expr:
    return pl.when(lists.list.drop_nulls().list.len() > 0).then(lists)

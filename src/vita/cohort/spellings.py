"""How deliveries of a UK Biobank table write column names and cells, and the one spelling used inside: `31-0.0`.

    classic      4080-2.0             main dataset as CSV; Table Exporter, UKB-FORMAT
    r            f.4080.2.0           classic, R or tab-separated
    mangled      X4080.2.0            classic, read by R's read.csv and written again
    underscored  4080_2_0             classic, with names that a database takes
    stata        n_4080_2_0           classic, Stata (n_, s_, ts_)
    platform     p4080_i2_a0          Research Analysis Platform, Table Exporter, FIELD-NAME
    dx           participant.p4080_i2_a0   Research Analysis Platform, `dx extract_dataset`

On the platform a field of one instance has no `_i`, and one of one array has no `_a`. A field of several values may be
one column whose cells are lists (`I10|I251` or `["I10","I251"]`); with UKB-FORMAT it has the first array's name.

Cells may hold words for "missing" and blanks around a value. Most columns are parsed as they are; the functions for
cells take a second look at one that holds something else.
"""

import logging
import re
import string
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import polars as pl

from vita.runtime.errors import UserError

LOG = logging.getLogger(__name__)
_PLATFORM = r"p(?P<field>\d+)(?:_i(?P<instance>\d+))?(?:_a(?P<array>\d+))?"
_NUMBERS = r"(?P<field>\d+){0}(?P<instance>\d+){1}(?P<array>\d+)"
SPELLINGS = {
    "classic": re.compile(_NUMBERS.format("-", r"\.")),
    "r": re.compile(r"f\." + _NUMBERS.format(r"\.", r"\.")),
    "mangled": re.compile("X" + _NUMBERS.format(r"\.", r"\.")),
    "underscored": re.compile(_NUMBERS.format("_", "_")),
    "stata": re.compile("(?:n|s|ts)_" + _NUMBERS.format("_", "_")),
    "platform": re.compile(_PLATFORM),
    "dx": re.compile(r"participant\." + _PLATFORM),
}
EID = dict.fromkeys(SPELLINGS, "eid") | {"r": "f.eid", "dx": "participant.eid", "stata": "n_eid"}
# what pandas, R, polars and DuckDB add to the name of a column that is in both tables of a join, or twice in one
_COPY = re.compile(r"(?P<name>.+?)(?:[_.][xy]|_left|_right|_duplicated_\d+|[:.]\d+)")
EXAMPLES = "31-0.0, f.31.0.0, X31.0.0, 31_0_0, n_31_0_0, p31 or participant.p31"
MISSING = ("", "NA")  # words that the reader itself takes as missing
# in any case; no value of any field
_MISSING_WORDS = ["", "na", "n/a", "#n/a", "<na>", "null", r"\n", "none", "nan", "nat", ".", "[]"]
_MISSING_WORDS += [f".{letter}" for letter in string.ascii_lowercase]  # Stata's
_LIST = r"[|;]|^\s*\["  # `I10|I251`, `I10;I251`, `["I10", "I251"]`


@dataclass(frozen=True)
class Column:
    """A column of a delivery: its place in the file, and field, instance and array (None: cells may be lists)."""

    index: int
    field: int
    instance: int
    array: int | None

    @property
    def canonical(self) -> str:
        """The classic name, `4080-2.0`."""
        return f"{self.field}-{self.instance}.{self.array or 0}"


@dataclass(frozen=True)
class Header:
    """What a header line says: the spelling, the place of the participant id, and the fields' columns."""

    spelling: str
    eid: int
    width: int
    columns: tuple[Column, ...]
    foreign: tuple[tuple[str, int], ...] = ()  # names in another spelling, and the fields that they would be
    copies: tuple[tuple[str, int, bool], ...] = ()  # names with an ending, their fields, and whether one has none


def read_header(names: Sequence[str], table: str) -> Header:
    """Detect the spelling of a table's column names; columns that are no UK Biobank field are ignored.

    Args:
        names: the header's cells in the order of the file.
        table: the table's name in messages.

    Raises:
        UserError: no field or no id column is found, spellings are mixed, or a column is repeated.
    """
    found = {
        spelling: matches
        for spelling, pattern in SPELLINGS.items()
        if (matches := [(i, m) for i, name in enumerate(names) if (m := pattern.fullmatch(name.strip()))])
    }
    if not found:
        raise UserError(
            f"{table}: no column is named like a UK Biobank field ({EXAMPLES}); "
            "on the Research Analysis Platform, export with header style FIELD-NAME"
        )
    most = sorted(found, key=lambda each: -len(found[each]))
    if len(found) > 1 and len(found[most[0]]) == len(found[most[1]]):
        raise _mixed(table, [names[found[each][0][0]] for each in most[:2]])
    spelling, matches = most[0], found[most[0]]
    columns = tuple(
        Column(i, int(m["field"]), int(m["instance"] or 0), None if m["array"] is None else int(m["array"]))
        for i, m in matches
    )
    _refuse_repeats([column.canonical for column in columns], table)
    ids = [i for i, name in enumerate(names) if name.strip() == EID[spelling]]
    ids = ids or [i for i, name in enumerate(names) if name.strip() in EID.values()]
    if len(ids) != 1:
        raise UserError(_no_id(names, EID[spelling], len(ids), table))
    foreign = tuple((names[i], int(m["field"])) for each in most[1:] for i, m in found[each])
    return Header(spelling, ids[0], len(names), columns, foreign, _copies(names, spelling))


def _copies(names: Sequence[str], spelling: str) -> tuple[tuple[str, int, bool], ...]:
    """Names of fields with the ending of a copy, with the field, and whether the name without it is there too."""
    bare = {name.strip() for name in names}
    pattern = SPELLINGS[spelling]
    ended = [(name, match["name"]) for name in sorted(bare) if (match := _COPY.fullmatch(name))]
    found = [(name, base, pattern.fullmatch(base)) for name, base in ended if not pattern.fullmatch(name)]
    return tuple((name, int(match["field"]), base in bare) for name, base, match in found if match)


def field_names(names: Sequence[str]) -> int:
    """How many names are those of fields, in any spelling."""
    return sum(any(pattern.fullmatch(name.strip()) for pattern in SPELLINGS.values()) for name in names)


def refuse_mixed(header: Header, needed: Collection[int | None], table: str) -> None:
    """Refuse a needed field in a second spelling; other columns, such as one of your own named p4, are ignored.

    So is a needed column that a join left only under names with an ending, and would else be lost.

    Raises:
        UserError: with an example of each spelling, or the name with the ending.
    """
    if lost := [name for name, field, there in header.copies if field in needed and not there]:
        raise UserError(
            f"{table}: column {lost[0]} has the ending that a join gives to a column of both tables; join them without "
            "it, or name both tables in `input.tables`, where they are joined participant by participant"
        )
    if second := [name for name, field, _ in header.copies if field in needed]:
        LOG.warning("%s: columns are there twice, and the second copy is passed over: %s", table, ", ".join(second))
    mixed = [name for name, field in header.foreign if field in needed]
    if mixed:
        raise _mixed(table, [header.columns[0].canonical, mixed[0]])


def _mixed(table: str, examples: Sequence[str]) -> UserError:
    return UserError(
        f"{table}: spellings of columns are mixed ({', '.join(examples)}); if {examples[-1]} is a column of your own, "
        "rename or remove it, else export each table with one spelling"
    )


def _no_id(names: Sequence[str], wanted: str, count: int, table: str) -> str:
    found = f"{table}: needs one column {wanted!r} with participant ids, has {count}"
    nameless = [name for name in names if not name.strip() or name.startswith(("__index_level_", "Unnamed: 0"))]
    if count == 0 and nameless:
        return f"{found}; it may be the column without a name, if pandas wrote an index: write index_label='{wanted}'"
    return found if count else f"{found}; rename the column that holds them"


def _refuse_repeats(names: list[str], table: str) -> None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise UserError(f"{table}: column {name} is repeated; remove one of them")
        seen.add(name)


def form_of(cell: str) -> str:
    """How a cell is written, for messages, which never hold a value: `A9.9 Aa` of `I25.1 Heart`.

    A run of digits is 9, one of capitals A, one of other letters a; at most 20 characters.
    """
    kinds = "".join("9" if c.isdigit() else "A" if c.isupper() else "a" if c.isalpha() else c for c in cell[:200])
    return re.sub(r"([9Aa])\1+", r"\1", kinds)[:20]


def settled(cells: pl.Series) -> pl.Series:
    """Text without blanks around it; words for "missing" are missing."""
    return cells.to_frame().select(settled_text(pl.col(cells.name))).to_series()


def settled_text(value: pl.Expr) -> pl.Expr:
    """As `settled`, of an expression."""
    bare = value.str.strip_chars()
    return pl.when(~bare.str.to_lowercase().is_in(_MISSING_WORDS)).then(bare)


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

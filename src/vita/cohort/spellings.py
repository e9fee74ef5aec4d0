"""Column names of every delivery of a UK Biobank table, and the one spelling used inside: `31-0.0`.

    classic    4080-2.0             main dataset as CSV; Table Exporter, UKB-FORMAT
    r          f.4080.2.0           classic, R or tab-separated
    platform   p4080_i2_a0          Research Analysis Platform, Table Exporter, FIELD-NAME
    dx         participant.p4080_i2_a0   Research Analysis Platform, `dx extract_dataset`

On the platform a field of one instance has no `_i`, one of one array no `_a`; a field of several values may be one
column whose cells are lists (`I10|I251` or `["I10","I251"]`).
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from vita.runtime.errors import UserError

_PLATFORM = r"p(?P<field>\d+)(?:_i(?P<instance>\d+))?(?:_a(?P<array>\d+))?"
SPELLINGS = {
    "classic": re.compile(r"(?P<field>\d+)-(?P<instance>\d+)\.(?P<array>\d+)"),
    "r": re.compile(r"f\.(?P<field>\d+)\.(?P<instance>\d+)\.(?P<array>\d+)"),
    "platform": re.compile(_PLATFORM),
    "dx": re.compile(r"participant\." + _PLATFORM),
}
EID = {"classic": "eid", "r": "f.eid", "platform": "eid", "dx": "participant.eid"}
EXAMPLES = "31-0.0, f.31.0.0, p31 or participant.p31"


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
    """What a header line says: the spelling, where the participant id stands, and the fields' columns."""

    spelling: str
    eid: int
    width: int
    columns: tuple[Column, ...]


def read_header(names: Sequence[str], table: str) -> Header:
    """Detect the spelling of a table's column names; columns of no UK Biobank field are passed over.

    Args:
        names: the header's cells in the order of the file.
        table: how messages call the table.

    Raises:
        UserError: no field or no id column is found, spellings are mixed, or a column stands twice.
    """
    found = {
        spelling: matches
        for spelling, pattern in SPELLINGS.items()
        if (matches := [(i, m) for i, name in enumerate(names) if (m := pattern.fullmatch(name.strip()))])
    }
    if not found:
        raise UserError(
            f"{table}: no column is named like a UK Biobank field ({EXAMPLES}); "
            "on the Research Analysis Platform export with header style FIELD-NAME"
        )
    if len(found) > 1:
        examples = ", ".join(names[matches[0][0]] for matches in found.values())
        raise UserError(f"{table}: spellings of columns are mixed ({examples}); export each table in one")
    spelling, matches = next(iter(found.items()))
    columns = tuple(
        Column(i, int(m["field"]), int(m["instance"] or 0), None if m["array"] is None else int(m["array"]))
        for i, m in matches
    )
    _refuse_repeats([column.canonical for column in columns], table)
    ids = [i for i, name in enumerate(names) if name.strip() == EID[spelling]]
    if len(ids) != 1:
        raise UserError(f"{table}: needs one column {EID[spelling]!r} with participant ids, has {len(ids)}")
    return Header(spelling, ids[0], len(names), columns)


def _refuse_repeats(names: list[str], table: str) -> None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise UserError(f"{table}: column {name} stands twice; remove one of them")
        seen.add(name)

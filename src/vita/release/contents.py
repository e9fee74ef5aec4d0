"""The content of a file in any format: tables of cells, pictures, and parts that could not be read."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

PROSE = "lines"


@dataclass(frozen=True)
class Table:
    """Rows of cells as text, which keeps the precision with which a number is written.

    Attributes:
        place: in the file; empty for the whole file.
        header: names of the columns, empty where they have none.
        rows: cells of each row.
        first: number of the first row in its file, for messages.
        kind: "table", PROSE (lines of text, one cell each), or "marks" (positions of a drawing).
        numbers: places of these rows in a longer table that they were chosen from; None if they are all rows.
    """

    place: str
    header: tuple[str, ...]
    rows: Sequence[Sequence[str]]
    first: int = 1
    kind: str = "table"
    numbers: Sequence[int] | None = None

    def name(self, column: int) -> str:
        """The name of a column; empty without one."""
        return self.header[column] if column < len(self.header) else ""

    def where(self, row: int) -> str:
        """The place of a row, in words."""
        word = "line" if self.kind == PROSE else "row"
        number = self.first + (row if self.numbers is None else self.numbers[row])
        return f"{self.place}, {word} {number}" if self.place else f"{word} {number}"


TENSOR = "tensor "


def is_weights(table: Table) -> bool:
    """Whether a table is a tensor of a model."""
    return TENSOR in table.place


@dataclass
class Contents:
    """Everything that was found in a file.

    Attributes:
        tables: of numbers and text.
        pictures: place and pixels (height, width) or (height, width, channels), as stored.
        unreadable: place and reason of what could not be read, and so cannot be judged.
        scans: places of images in a format of scanners.
        arrays: place and numbers of arrays of which `tables` hold only some rows.
        shapes: place and sizes of tensors.
        people: place and words of points that may be one participant each.
        tensors: by name, how many numbers a tensor of safetensors has.
        drawn: place, words and number of points or steps of a drawing that a table must account for.
    """

    tables: list[Table] = field(default_factory=list)
    pictures: list[tuple[str, np.ndarray]] = field(default_factory=list)
    unreadable: list[tuple[str, str]] = field(default_factory=list)
    scans: list[str] = field(default_factory=list)
    arrays: list[tuple[str, np.ndarray]] = field(default_factory=list)
    shapes: list[tuple[str, tuple[int, ...]]] = field(default_factory=list)
    people: list[tuple[str, str]] = field(default_factory=list)
    tensors: dict[str, int] = field(default_factory=dict)
    drawn: list[tuple[str, str, int]] = field(default_factory=list)


Binary = Callable[[bytes, str, Contents, int], None]  # reads bytes that a text holds
Named = Callable[[bytes, str, Contents, int, str], None]  # the same with the name of a file


def inside(place: str, inner: str) -> str:
    """A place within a place."""
    return f"{place}, {inner}" if place else inner


@dataclass(frozen=True)
class Breach:
    """A breach of a rule at a place.

    Attributes:
        row: of the table; None for the table.
        kind: of finding.
        words: what is wrong.
    """

    row: int | None
    kind: str
    words: str

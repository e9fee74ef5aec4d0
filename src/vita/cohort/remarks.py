"""What is odd in the tables but does not stop the run: how many cells of which column, for the log and the data card.

A remark is about a column, never about a person: it holds counts, and codes that no answer has, but no other cell.
"""

import csv
import logging
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from vita.cohort.spellings import form_of

LOG = logging.getLogger(__name__)
COLUMNS = ("table", "column", "remark", "count")
_MOST_CODES = 5  # that are shown
_LONGEST_CODE = 5  # characters; UK Biobank's ids have seven digits, and no code of an answer has more than five


class Remarks:
    """Counts over batches and tables."""

    def __init__(self) -> None:
        """Nothing is odd yet."""
        self._counts: Counter[tuple[str, str, str, str]] = Counter()
        self._codes: dict[tuple[str, str, str, str], Counter[str]] = {}

    def add(self, table: str, column: str, remark: str, effect: str, count: int) -> None:
        """Count cells.

        Args:
            table: the table's name.
            column: the column's canonical name, or a field's number.
            remark: what is odd about them, as printed after their number, such as `values are negative`.
            effect: what follows from it.
            count: how many more of them.
        """
        if count:
            self._counts[table, column, remark, effect] += count

    def add_code(self, table: str, column: str, remark: str, effect: str, code: float, count: int) -> None:
        """As `add`, of cells that hold a code."""
        self.add(table, column, remark, effect, count)
        self._codes.setdefault((table, column, remark, effect), Counter())[_told(code)] += count

    def rows(self) -> Iterator[tuple[str, str, str, int]]:
        """Table, column, remark and number of cells, in the order in which they were first met."""
        for key, count in self._counts.items():
            table, column, remark, effect = key
            yield table, column, f"{remark}{self._listed(key, counts=False)}; {effect}", count

    def log(self) -> None:
        """A warning for each remark."""
        for key, count in self._counts.items():
            table, column, remark, effect = key
            told = self._listed(key, counts=True)
            LOG.warning("%s, column %s: %d %s%s; %s", table, column, count, remark, told, effect)

    def write(self, path: Path) -> None:
        """A CSV with a row for each remark."""
        with path.open("w", encoding="utf-8", newline="") as lines:
            writer = csv.writer(lines, lineterminator="\n")
            writer.writerows([COLUMNS, *self.rows()])

    def _listed(self, key: tuple[str, str, str, str], counts: bool) -> str:
        """The most frequent codes of a remark, in brackets."""
        found = sorted(self._codes.get(key, {}).items(), key=lambda each: (-each[1], each[0]))
        told = [f"{code}: {count}" if counts else code for code, count in found[:_MOST_CODES]]
        more = f" and {len(found) - _MOST_CODES} more" if len(found) > _MOST_CODES else ""
        return f" ({', '.join(told)}{more})" if told else ""


def _told(code: float) -> str:
    """A code, or the form of what is none: a column that slipped could hold measurements or ids."""
    text = str(int(code)) if code == int(code) else str(code)
    return text if code == int(code) and len(text) <= _LONGEST_CODE else f"of the form {form_of(text)}"

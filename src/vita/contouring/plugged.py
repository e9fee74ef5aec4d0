"""Masks drawn by the user's command (images.masks.command), whose result is checked as any mask.

The command never learns who a participant is: participants are case_0001 and so on within a call. A call for several
participants that fails is repeated for each of them alone, so that only those for whom it fails are lost.
"""

import itertools
import math
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from vita.contouring.running import last_line, run
from vita.contouring.staging import Folders
from vita.contouring.template import VIEW, Template
from vita.images.geometry import orient
from vita.images.header import ScanError
from vita.images.layout import STRUCTURES
from vita.images.participant import read_file
from vita.images.rows import IndexRow
from vita.images.settings import ImageSettings
from vita.images.view import Image

if TYPE_CHECKING:
    from vita.contouring.quality import Scores

PEOPLE = 16  # in one call for a folder: their scans lie on the disk once more meanwhile
Row = IndexRow
Key = tuple[int, str]  # eid and view
Found = dict[Key, dict[str, Any]]  # columns of the table of made masks: scores, or the reason why there are none
Keep = Callable[[int, Image, np.ndarray], None]


@dataclass(frozen=True)
class Staged:
    """A view whose scan was written for the command; its image has no voxels any more."""

    key: Key
    image: Image
    case: str


class Plugged:
    """A command at work.

    Args:
        template: the command.
        settings: labels, limits of time and size.
        keep: is given each view that has masks: eid, image, (time, slice, row, column) as the convention has them.
    """

    def __init__(self, template: Template, settings: ImageSettings, keep: Keep) -> None:
        self.template, self.settings, self.keep = template, settings, keep

    def draw(self, rows: Sequence[Row]) -> Found:
        """Draw the scans of the index's rows, which have a path and are sorted by eid.

        Raises:
            UserError: the command cannot be started.
        """
        people = [list(views) for _, views in itertools.groupby(rows, itemgetter("eid"))]
        groups, size = (people, PEOPLE) if self.template.form != VIEW else ([[row] for row in rows], 1)
        found: Found = {}
        for start in range(0, len(groups), size):
            found |= self._call(groups[start : start + size])
        return found

    def _call(self, groups: Sequence[Sequence[Row]]) -> Found:
        """One call for several participants, or for one scan."""
        with tempfile.TemporaryDirectory(prefix="vita_masks_") as folder:
            files = Folders(Path(folder).resolve(), self.template)
            staged, found = self._stage(groups, files)
            if not staged:
                return found
            words = self.template.fill(**files.places(staged[0].case, staged[0].image.view))
            failed = run(words, self.settings.mask_timeout_s * len(groups), files.root / "output")
            if not failed:
                return found | {each.key: self._taken(each, files) for each in staged}
            reason = _quoting(failed, files)
        if len(groups) == 1:
            return found | {each.key: {"reason": reason} for each in staged}
        for group in groups:
            found |= self._call([group])
        return found

    def _stage(self, groups: Sequence[Sequence[Row]], files: Folders) -> tuple[list[Staged], Found]:
        """Write the scans for the command; those that cannot be read have their reason."""
        staged: list[Staged] = []
        found: Found = {}
        for folder in {files.scans, files.masks}:
            folder.mkdir()
        for number, group in enumerate(groups, 1):
            case = f"case_{number:04d}"
            for row in group:
                key = (row["eid"], row["view"])
                try:
                    header, stored = read_file(row, self.settings)
                    image = Image(row["view"], header, stored, orient(header, row["view"]))
                except ScanError as error:
                    found[key] = {"reason": str(error)}
                    continue
                files.write(image, case)
                staged.append(Staged(key, replace(image, stored_tzyx=stored[:0]), case))
        return staged, found

    def _taken(self, each: Staged, files: Folders) -> dict[str, Any]:
        """Check the masks of a view and keep them."""
        try:
            classes = files.read(each.image, each.case, self.settings).classes_tsyx
        except ScanError as error:
            return {"reason": _quoting(str(error), files)}
        self.keep(each.key[0], each.image, classes)
        return scores_of(classes, each.image.orientation.spacing_mm, each.image.view).as_row(classes)


def scores_of(classes_tsyx: np.ndarray, spacing_mm: tuple[float, ...], view: str) -> "Scores":
    """Scores of masks that somebody else drew: whether turning the image changes them is not known."""
    from vita.contouring import quality  # start-up: torch

    present = [name for name in STRUCTURES.values() if (classes_tsyx == name).any()]
    main = quality.MAIN[view] if quality.MAIN[view] in present else present[0]
    curve = quality.sizes(classes_tsyx, spacing_mm, view, main)
    odd = quality.impossible(classes_tsyx, spacing_mm, view, present)
    return quality.Scores(math.nan, quality.smoothness(curve), float(not odd))


def _quoting(reason: str, files: Folders) -> str:
    """The reason with the last line that the command printed."""
    line = last_line(files.root / "output", files.root)
    return f"{reason}; its last line: {line}" if line else f"{reason}; it printed nothing"

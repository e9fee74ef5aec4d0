"""The user's own command for masks (images.masks.command): what it may contain, and the words that are executed.

A command is split into words as a shell would split it, and each place in braces is filled in afterwards, so that no
path is ever read by a shell.
"""

import re
import shlex
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from vita.images.layout import VIEWS
from vita.runtime.errors import UserError

KEY = "images.masks.command"
VIEW, FOLDERS, FRAMES = "view", "folders", "frames"
# Places of each form: those that a command must name, and those that it may.
FORMS = {
    VIEW: ({"scan", "mask"}, {"view"}),
    FOLDERS: ({"scans"}, {"masks"}),
    FRAMES: ({"frames", "masks"}, set[str]()),
}
_PLACE = re.compile(r"\{(\w+)\}")
_SCRIPTS = (".py", ".sh", ".R", ".jl")


@dataclass(frozen=True)
class Template:
    """A command's words with places to fill in.

    Attributes:
        words: as split, the program first.
        form: VIEW: runs once for each scan; FOLDERS: for a folder of participants; FRAMES: for a folder of frames.
    """

    words: tuple[str, ...]
    form: str

    @classmethod
    def of(cls, text: str) -> "Template":
        """Split a command.

        Raises:
            UserError: a quotation is not closed, or the places are those of no form.
        """
        try:
            words = shlex.split(text)
        except ValueError as error:
            raise UserError(f"config: '{KEY}' cannot be split into words: {error}") from error
        named = set(_PLACE.findall(" ".join(words)))
        for form, (must, may) in FORMS.items():
            if words and must <= named <= must | may:
                return cls(tuple(words), form)
        found = " ".join(f"{{{name}}}" for name in sorted(named)) or "no place"
        raise UserError(
            f"config: '{KEY}' names {found}; name {{scan}} and {{mask}} (it runs once for each scan), {{scans}} and "
            "{masks} (for a folder of participants), or {frames} and {masks} (for a folder of single frames)"
        )

    def names(self, place: str) -> bool:
        """Whether the command names a place."""
        return any(f"{{{place}}}" in word for word in self.words)

    def fill(self, **places: str | Path) -> list[str]:
        """The words with their places filled in."""
        return [_PLACE.sub(lambda found: str(places[found[1]]), word) for word in self.words]

    def missing(self) -> str | None:
        """The program or script that is not there, seen from the folder where the run is started; None if all are."""
        if shutil.which(self.words[0]) is None:
            return self.words[0]
        scripts = (word for word in self.words[1:] if word.endswith(_SCRIPTS) and not _PLACE.search(word))
        return next((word for word in scripts if not Path(word).is_file()), None)


def commands_of(own: str | Mapping[str, str] | None) -> dict[str, Template]:
    """The command of each view that has one; the network of the package draws the others.

    Args:
        own: the key images.masks.command: one for all views, one for each of some, or none.

    Raises:
        UserError: as in `Template.of`, or a view that there is not.
    """
    by_view = dict.fromkeys(VIEWS, own) if isinstance(own, str) else own or {}
    for view in by_view:
        if view not in VIEWS:
            raise UserError(f"config: '{KEY}' names {view!r}; choose from {', '.join(VIEWS)}")
    return {view: Template.of(text) for view, text in by_view.items()}

"""What a file needs beside it, and where else a folder may hold something: rules that one file alone cannot show.

Points cannot be found in pixels, so a picture needs the drawing (SVG) that it shows; a drawing with points or uneven
steps needs the table (CSV) that it is drawn from, whose rows say how many people they are about; and a model's weights
need the configuration that accounts for every number in them.
"""

import errno
import json
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from vita.release.findings import Finding, Output

_BUFFERS = ("mean", "std", "running_mean", "running_var", "num_batches_tracked")  # of a model, that it does not learn
_ENDS = 2  # points of a curve that no row stands for


def beside(outputs: Sequence[Output], root: Path) -> Iterator[tuple[Output, Finding]]:
    """Findings in files that lack what vouches for them."""
    by_path = {output.path: output for output in outputs}
    for output in outputs:
        if (
            not output.pixels
            and output.path.suffix.lower() == ".png"
            and output.path.with_suffix(".svg") not in by_path
        ):
            words = "points in pixels cannot be found; release the drawing as SVG under the same name as well"
            yield output, Finding(output.path, "picture", "unreadable", words)
        table = by_path.get(output.path.with_suffix(".csv"))
        rows = table.rows if table and not table.findings else 0
        for place, words, count in output.drawn:
            if count > rows + _ENDS:
                told = f"{words}, and no table {output.path.stem}.csv beside it with as many rows over people"
                yield output, Finding(output.path, place, "rows of participants", told)
        if output.values and (reason := _unaccounted(root / output.path, output)):
            yield output, Finding(output.path, "tensors", "rows of participants", reason)


def _unaccounted(path: Path, output: Output) -> str:
    """Why tensors are not known to be the weights of a model; empty if they are."""
    try:
        config = json.loads((path.parent / "config.json").read_text(encoding="utf-8"))
        parameters = config["parameters"]
    except (OSError, ValueError, KeyError, TypeError):
        return "tensors without the config.json of a model beside them: each may be of a participant"
    learned = sum(size for name, size in output.values.items() if name.rpartition(".")[2] not in _BUFFERS)
    if parameters not in (learned, sum(output.values.values())):
        return f"{learned} numbers, where config.json accounts for {parameters}: the rest may be of participants"
    return ""


def places(folder: Path) -> Iterator[tuple[Path, str, str]]:
    """Path, kind of finding and words of what a folder holds beside its files' contents: empty folders, attributes."""
    for path in sorted(folder.rglob("*")) if folder.is_dir() else [folder]:
        name = path.relative_to(folder) if folder.is_dir() else Path(path.name)
        told = path.is_dir() and not path.is_symlink() and any(map(str.isdecimal, path.name))
        if told and not any(path.iterdir()):
            yield name, "unreadable", "a folder without files that has a number for a name"
        if any(each.startswith("user.") for each in _attributes(path)):
            yield name, "unreadable", "extended attributes, which are copied with a file"


def _attributes(path: Path) -> Sequence[str]:
    """Names of extended attributes; none where the system or the file system has none."""
    if sys.platform != "linux":
        return ()
    try:
        return os.listxattr(path, follow_symlinks=False)
    except OSError as error:
        if error.errno == errno.ENOTSUP:
            return ()
        raise

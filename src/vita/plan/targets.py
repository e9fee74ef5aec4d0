"""Targets that no rule makes, and files in the place of a run's folders, in words that say what to do."""

import difflib
import logging
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

_NO_RULE = re.compile(r"No rule to produce (?P<target>.+?) \(if you use input functions")


class Meant(logging.Filter):
    """Writes Snakemake's message about a target that nothing makes as an error with the target that was meant.

    Attributes:
        known: names of rules, and files that the run makes.
    """

    def __init__(self, known: Iterable[str]) -> None:
        super().__init__()
        self.known = list(known)

    def filter(self, record: logging.LogRecord) -> bool:
        """Change the record in place; returns True, so that it is shown."""
        if found := _NO_RULE.search(str(record.msg)):
            record.msg = f"error: {unknown_target(found['target'], self.known)}"
        elif "Target rules may not contain wildcards" in str(record.msg):
            record.msg = (
                "error: a target is the name of a rule that makes many files; name one of its files, such as "
                "results/models/sa_phenotypes/vita/model.safetensors; results/README.md lists them"
            )
        return True


def unknown_target(target: str, known: Iterable[str]) -> str:
    """A line about a target that is neither a rule nor a file that the run makes.

    Args:
        target: of the command line.
        known: among which the nearest is named.
    """
    words, path = list(known), Path(target)
    if option := _meant_as_option(path):
        return f"no rule, and no file of this run, has the name {target}; did you mean {option}?"
    longer = [word for word in words if word.startswith(str(path.with_suffix(""))) and Path(word).suffix == path.suffix]
    begun = [word for word in words if "/" in word and Path(word).name.lower().startswith(target.lower())]
    near = longer or begun or difflib.get_close_matches(target, words, n=1)
    hint = f"did you mean {near[0]}?" if near else "results/README.md lists the files, all below results/"
    return f"no rule, and no file of this run, has the name {target}; {hint}"


def _meant_as_option(path: Path) -> str:
    """The option that was left out in front of a configuration or a number of cores; empty for anything else."""
    if path.suffix in (".yaml", ".yml") and path.is_file():
        return f"--configfile {path}"
    return f"--cores {path}" if path.name.isdigit() else ""


def files_for_folders(outputs: Iterable[str]) -> Iterator[str]:
    """A line for each file that stands where outputs need a folder.

    Args:
        outputs: paths, perhaps with wildcards in braces.
    """
    folders = {folder for output in outputs for folder in Path(output.partition("{")[0] + "_").parents}
    for folder in sorted(folders):
        if folder.is_file():
            yield f"{folder} is a file, but the run needs a folder of that name; move it away"

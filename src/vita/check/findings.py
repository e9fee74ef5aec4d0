"""Findings of a check: an error stops the run, a warning does not, and a note says what will be done."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace

from vita.runtime.errors import UserError

LEVELS = ("error", "warning", "note")
# the subject of a finding, and how the names of the rules that fail because of it begin; other errors stop every run
RULES = {
    "table": ("extract_fields", "collect_diagnoses"),
    "scans": ("index_scans", "adapt_contours", "segment_scans", "build_shard"),
    "split": ("split_cohort",),
    "training": ("train_",),
}


@dataclass(frozen=True)
class Finding:
    """A sentence about the run: which key or file, what is wrong, and what to do.

    Attributes:
        level: one of LEVELS.
        text: one line.
        about: one of RULES, or empty for the run as a whole.
    """

    level: str
    text: str
    about: str = ""

    def __str__(self) -> str:
        return f"{self.level}: {self.text}"


def error(text: str, about: str = "") -> Finding:
    """A finding that stops the run."""
    return Finding("error", text, about)


def warning(text: str) -> Finding:
    """A finding that should be looked at."""
    return Finding("warning", text)


def note(text: str) -> Finding:
    """A note about what will be done or left out."""
    return Finding("note", text)


def caught(look: Callable[..., Iterable[Finding]], *arguments: object, about: str = "") -> Iterator[Finding]:
    """The findings of a check; an error that it raises for the user becomes the last of them."""
    try:
        for found in look(*arguments):
            yield replace(found, about=found.about or about)
    except UserError as failure:
        yield error(str(failure), about)


def concerning(found: Iterable[Finding], rules: Iterable[str]) -> list[Finding]:
    """The findings, where an error becomes a warning unless it makes one of the rules to be run fail."""
    planned = tuple(rules)

    def level(finding: Finding) -> str:
        own = RULES.get(finding.about, ("",))
        return "warning" if not any(rule.startswith(own) for rule in planned) else "error"

    return [replace(each, level=level(each)) if each.level == "error" else each for each in found]

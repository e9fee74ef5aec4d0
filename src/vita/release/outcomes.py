"""The list for the output checker: every output with its type, people, smallest cell and the checks that it passed."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from vita.release.checking import CHECKS
from vita.release.findings import Output
from vita.runtime.atomic import write_text

_METHODS = {
    "table": "aggregate statistics, rounded, cells under {cell} withheld",
    "figure": "drawn from aggregates over at least {cell} people, or from models only",
    "text": "description without rows",
    "data": "configuration or description without rows",
}


def listed(outputs: Sequence[Output], cell: int, made_of: dict[str, str]) -> list[dict[str, Any]]:
    """A record per output.

    Args:
        outputs: as `vita.release.checking.check` gives them.
        cell: smallest number of people behind any number.
        made_of: what some outputs are, in words, by path.
    """
    return [
        {
            "output": output.path.as_posix(),
            "type": output.kind,
            "description": made_of.get(output.path.as_posix(), _METHODS[output.kind].format(cell=cell)),
            "n": output.people,
            "smallest_cell": output.smallest,
            "status": "fail" if output.findings else "pass",
            "checks_passed": [name for name in CHECKS if name not in _failed(output)],
            "summary": "; ".join(sorted({finding.kind for finding in output.findings})) or "pass",
        }
        for output in outputs
    ]


_KINDS = {
    "id": "ids",
    "singled out": "joins with the cohort",
    "rows of participants": "rows of participants",
    "small cell": "small cells",
    "dominance": "dominance",
    "differencing": "differencing",
    "pixels": "pixels",
    "unreadable": "readable format",
}


def _failed(output: Output) -> set[str]:
    return {_KINDS[finding.kind] for finding in output.findings}


def write(records: Sequence[dict[str, Any]], about: dict[str, Any], folder: Path) -> None:
    """Write outcomes.json and outcomes.md."""
    write_text(folder / "outcomes.json", json.dumps(about | {"outputs": list(records)}, indent=2) + "\n")
    head = "| Output | Type | n | Smallest cell | Status |\n| --- | :--- | ---: | ---: | :--- |"
    rows = [
        f"| {each['output']} | {each['type']} | {_shown(each['n'])} | {_shown(each['smallest_cell'])} "
        f"| {each['status']} |"
        for each in records
    ]
    said = "\n".join(f"* {key.replace('_', ' ')}: {value}" for key, value in about.items())
    checks = "Every output passed: " + ", ".join(CHECKS) + "."
    if any(each["status"] == "fail" for each in records):
        checks = "Some outputs failed: see outcomes.json."
    write_text(folder / "outcomes.md", "\n".join(["# Outputs", "", said, "", checks, "", head, *rows]) + "\n")


def _shown(count: int | None) -> str:
    return "–" if count is None else f"{count:,}"

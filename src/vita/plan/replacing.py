"""Results of one cohort are not replaced by another's by mistake."""

import json
from pathlib import Path
from typing import Any

_COMPARED = ("source", "tables", "scans")  # a new list of withdrawals is applied to the results that are there


def other_input(config: dict[str, Any], recorded: Path) -> list[str]:
    """A message where the results folder holds a run on other data than this one's, and may not be replaced.

    Args:
        config: of this run.
        recorded: config.json of the run whose results are there; nothing is said where it is missing.
    """
    if config.get("replace_results") or not recorded.is_file():
        return []
    try:
        before = json.loads(recorded.read_text(encoding="utf-8"))["input"]
    except (ValueError, KeyError, TypeError):
        return [f"{recorded} is damaged, so that it is not known what the results are of; move the folder away"]
    changed = [key for key in _COMPARED if _plain(before.get(key)) != _plain(config["input"].get(key))]
    return [
        f"config: 'input.{key}' is {json.dumps(config['input'].get(key))}, but {recorded.parent} holds a run on "
        f"{json.dumps(before.get(key))}, which this one would replace; run it in another folder (--directory), or give "
        "--config replace_results=true"
        for key in changed[:1]
    ]


def _plain(value: Any) -> Any:
    """Paths in one form; nothing and an empty list are the same."""
    if isinstance(value, list):
        return [_plain(each) for each in value] or None
    return str(Path(value).resolve()) if isinstance(value, str) else value

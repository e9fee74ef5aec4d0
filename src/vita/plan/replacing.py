"""A check that a run does not replace the results of another cohort by mistake."""

import json
from pathlib import Path
from typing import Any

_COMPARED = ("source", "tables", "scans")  # a new list of withdrawals is applied to the existing results


def other_input(config: dict[str, Any], recorded: Path) -> list[str]:
    """A message if the results folder holds a run on other data, which this run may not replace.

    Args:
        config: of this run.
        recorded: config.json of the run whose results exist; without one there is no message.
    """
    if config.get("replace_results") or not recorded.is_file():
        return []
    try:
        before = json.loads(recorded.read_text(encoding="utf-8"))["input"]
    except (ValueError, KeyError, TypeError):
        return [f"{recorded} is damaged, so that nothing says what the results were made from; move the folder away"]
    changed = [key for key in _COMPARED if _plain(before.get(key)) != _plain(config["input"].get(key))]
    return [
        f"config: 'input.{key}' is {json.dumps(config['input'].get(key))}, but {recorded.parent} holds a run on "
        f"{json.dumps(before.get(key))}, which this one would replace; run it in another folder (--directory), or give "
        "--config replace_results=true"
        for key in changed[:1]
    ]


def _plain(value: Any) -> Any:
    """Paths in one form; None and an empty list are the same."""
    if isinstance(value, list):
        return [_plain(each) for each in value] or None
    return str(Path(value).resolve()) if isinstance(value, str) else value

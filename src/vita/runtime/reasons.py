"""Why Snakemake runs a job, in a readable line: only the changed keys, not all settings before and after."""

import ast
import json
import logging
import re
import shlex
from collections.abc import Iterator
from typing import Any

_PARAMS = re.compile(
    r"Params have changed since last execution: .*?before: (?P<before>.*?) now: (?P<now>.*)", re.DOTALL
)
_TEXT = re.compile(r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"", re.DOTALL)
_DIGEST = re.compile(r"[0-9a-f]{16}")
_FILES = re.compile(r"(?P<what>[\w ]+ files(?: updated by another job)?): (?P<files>[^;]+)")
_MOST_KEYS = 4
_MOST_FILES = 2  # the names of 160 shards do not help
_LONGEST = 300  # characters


class Shorter(logging.Filter):
    """Shortens the reason of a job in Snakemake's log, and adds the job's own log to its message."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Change the record in place; returns True, so that it is shown."""
        reason, message, logs = (getattr(record, name, None) for name in ("reason", "rule_msg", "log"))
        if isinstance(reason, str):
            record.reason = short_reason(reason)
            if message and logs:
                record.rule_msg = f"{message} [{', '.join(map(str, logs))}]"
        return True


def short_reason(reason: str) -> str:
    """The reason, with only the keys of changed params and at most a few lines long."""
    found = _PARAMS.search(reason)
    if found:
        reason = reason[: found.start()] + _changes(found["before"], found["now"])
    reason = _FILES.sub(_few, reason)
    return reason if len(reason) <= _LONGEST else reason[:_LONGEST].rsplit(", ", 1)[0] + ", ..."


def _few(files: re.Match[str]) -> str:
    """The first files, and how many more there are."""
    names = files["files"].split(", ")
    more = f" and {len(names) - _MOST_FILES} more" if len(names) > _MOST_FILES else ""
    return f"{files['what']}: {', '.join(names[:_MOST_FILES])}{more}"


def _changes(before: str, now: str) -> str:
    """What differs between two sets of params, as Snakemake prints them."""
    old, new = list(_values(before)), list(_values(now))
    keys = _keys([each for each in old if isinstance(each, dict)], [each for each in new if isinstance(each, dict)])
    parts = [f"changed: {', '.join(keys[:_MOST_KEYS])}" + (", ..." if len(keys) > _MOST_KEYS else "")] if keys else []
    if any(isinstance(each, str) and _DIGEST.fullmatch(each) for each in new):
        parts.append("the rule's code or files have changed")
    return "; ".join(parts) or "the rule's arguments have changed"


def _values(text: str) -> Iterator[Any]:
    """Params: settings as dictionaries, the others as text."""
    for token in _TEXT.findall(text):
        value = ast.literal_eval(token)
        try:
            (word,) = shlex.split(value)
            yield json.loads(word)
        except ValueError:  # several words, or not JSON
            yield value


def _keys(old: list[dict[str, Any]], new: list[dict[str, Any]]) -> list[str]:
    """Keys whose value changed, such as `stage.lr 0.001 -> 0.002`; new and removed ones by name only."""
    before = {key: value for each in old for key, value in _flat(each)}
    after = {key: value for each in new for key, value in _flat(each)}
    keys = sorted(key for key in before.keys() | after.keys() if before.get(key) != after.get(key))
    both = before.keys() & after.keys()
    return [f"{key} {before[key]} -> {after[key]}" if key in both else key for key in keys]


def _flat(block: dict[str, Any], where: str = "") -> Iterator[tuple[str, str]]:
    for key, value in block.items():
        name = f"{where}.{key}" if where else key
        if isinstance(value, dict):
            yield from _flat(value, name)
        else:
            yield name, json.dumps(value)

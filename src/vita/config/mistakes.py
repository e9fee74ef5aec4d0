"""One line for a mistake in a configuration: the key, its value, what it may be, and the nearest key or value."""

import difflib
import json
from collections.abc import Iterable
from typing import Any

from vita.config.remedies import ELSEWHERE, how_to_write
from vita.config.schema import ANY, may_be, walk

# what other libraries call a key
_OTHER_NAMES = {"learning_rate": "lr", "batch_size": "batch", "wd": "weight_decay", "temperature": "tau"}
_OTHER_NAMES |= {"num_epochs": "epochs", "num_workers": "workers", "random_seed": "seed", "memory": "mem_mb"}
_OTHER_NAMES |= {"mem": "mem_mb", "runtime": "runtime_min", "time_min": "runtime_min", "threads": "cpus"}


def describe(error: Any, schema: dict[str, Any]) -> str:
    """One line for an error.

    Args:
        error: a `jsonschema.ValidationError`.
        schema: the whole schema, references filled in.
    """
    where = ".".join(map(str, error.absolute_path))
    if error.validator == "additionalProperties":
        known = list(error.schema.get("properties", {}))
        unknown = next(key for key in error.instance if key not in known)
        return _unknown(where, str(unknown), known, schema)
    if "propertyNames" in error.relative_schema_path:
        return _unknown(where, str(error.instance), error.validator_value, schema)
    if error.validator == "required":
        missing = next(key for key in error.validator_value if key not in error.instance)
        return f"'{_join(where, missing)}' is not set; it must be"
    value = json.dumps(error.instance, default=str)
    return f"'{where}' is {value}, which is not allowed; {_allowed(error)}"


def nearest(text: str, known: Iterable[str]) -> str:
    """The known word that is most like a text, first of all one that differs only in capitals; empty if none is."""
    words = list(known)
    same = [word for word in words if word.lower() in (text.lower(), _OTHER_NAMES.get(text.lower()))]
    longer = [word for word in words if word.endswith(f"_{text.lower()}")]  # cad for disease_cad
    return next(iter(same or (longer if len(longer) == 1 else difflib.get_close_matches(text, words, n=1))), "")


def _join(where: str, key: str) -> str:
    return f"{where}.{key}" if where else key


def _unknown(where: str, key: str, known: Iterable[str], schema: dict[str, Any]) -> str:
    """An unknown key, with a key of a similar name beside it, or in another block, or all that are known there."""
    known = sorted(known)
    near = nearest(key, known)
    elsewhere = _elsewhere(where, key, schema)
    surely = any(name.rpartition(".")[2] == key for name in elsewhere) and not near.lower().endswith(key.lower())
    if written := _written(key, known) or ELSEWHERE.get(_join(where, key), ""):
        hint = written
    elif near and not surely:
        hint = f"did you mean '{_join(where, near)}'?"
    elif elsewhere:
        hint = f"did you mean {' or '.join(repr(name) for name in elsewhere)}?"
    else:
        hint = f"known here: {', '.join(known)}"
    return f"unknown key '{_join(where, key)}'; {hint}"


def _written(key: str, known: Iterable[str]) -> str:
    """How to write a value that a punctuation mark turns into a key; empty if there is no such mark."""
    block, point, inner = key.partition(".")
    name, colon, value = key.partition(":")
    if point and block in known:
        return (
            f"a key within a block is written {block}: {{{inner}: ...}}, on the command line '{block}={{{inner}: ...}}'"
        )
    if colon and name in known:
        return f"write a space after the colon: '{name}: {value}'"
    if key.isdigit():
        return "if it belongs to a number, write that with a point, such as 0.001"
    return ""


def _elsewhere(where: str, key: str, schema: dict[str, Any]) -> list[str]:
    """Up to three keys of that name, or of a similar one, in blocks within this one and in others."""
    parts = [(name, part) for name, part in walk(schema) if ANY not in name.split(".")]
    within = f"{where}." if where else "?"
    if chosen := [f"{name}.{key}" for name, part in parts if key in part.get("propertyNames", {}).get("enum", [])]:
        return [name for name in chosen if name.startswith(within)] or chosen[:3]
    rules = where.partition(".")[0] == "resources"  # names of rules are words that keys elsewhere may be alike
    names = [name for name, _ in parts if rules or not name.startswith("resources.rules.")]
    last = {name.rpartition(".")[2] for name in names}
    key = _OTHER_NAMES.get(key.lower(), key)
    near = difflib.get_close_matches(key, sorted(last), n=1, cutoff=0.8)
    found = [name for name in names if near and name.rpartition(".")[2] == near[0]]
    return [name for name in found if name.startswith(within)] or found[:3]


def _allowed(error: Any) -> str:
    """What the value may be and, among choices, the nearest one."""
    empty = "use null for none" if "null" in error.schema.get("type", []) else "write one"
    special = {
        "uniqueItems": "it must not repeat an entry",
        "minLength": f"it must not be empty; {empty}",
        "minItems": f"it must be {may_be(error.schema)}",
        "maxItems": f"it must be {may_be(error.schema)}",
    }
    if error.validator in special:
        return special[error.validator]
    if error.validator == "enum":
        choices = [str(value) for value in error.validator_value]
        near = nearest(str(error.instance), choices)
        hint = f"; did you mean {near}?" if near else ""
        return f"choose {' or '.join('null' if value is None else str(value) for value in error.validator_value)}{hint}"
    written = how_to_write(error.schema, error.instance) if error.validator == "type" else ""
    return f"it must be {may_be(error.schema)}{written}"

"""Conversion of values whose meaning is certain to the type that the schema asks for.

YAML reads `1e-4` as text, `32` as a number and `2022-10-31` as a date, and Snakemake's --config makes text of every
number inside a block.
"""

import re
from datetime import date
from typing import Any

from vita.config.schema import ANY, children

_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?")
_WHOLE = re.compile(r"[+-]?\d+")
_WORDS = {"true": True, "false": False}


def coerced(value: Any, schema: dict[str, Any]) -> Any:
    """The same value, with text that should be a number, numbers that should be text and so on corrected at any depth.

    Args:
        value: of a key, or a whole configuration.
        schema: its part of the schema, references filled in.

    Returns:
        The value, changed only where it is not allowed as it is and its meaning is certain.
    """
    if isinstance(value, dict):
        known = children(schema)
        return {key: coerced(each, known.get(key, known.get(ANY, {}))) for key, each in value.items()}
    if isinstance(value, list):
        return [coerced(each, schema.get("items", {})) for each in value]
    choices = [schema["const"]] if "const" in schema else schema.get("enum")
    if choices is not None:
        return _chosen(value, choices)
    types = schema.get("type", [])
    return _typed(value, {types} if isinstance(types, str) else set(types))


def _chosen(value: Any, choices: list[Any]) -> Any:
    """The choice that is spelled like the value, if the value itself is not one of them."""
    if isinstance(value, bool) or value in choices:
        return value
    written = [choice for choice in choices if ("null" if choice is None else str(choice)) == str(value)]
    return written[0] if written else value


def _typed(value: Any, types: set[str]) -> Any:
    """The number, truth value or null that a text spells, where text is not allowed; a date as the text it was."""
    if isinstance(value, date) and ("string" in types or not types):
        return value.isoformat()
    if not isinstance(value, str) or "string" in types:
        return value
    if "null" in types and value == "null":
        return None
    if "boolean" in types:
        return _WORDS.get(value.lower(), value)
    if types & {"integer", "number"} and _WHOLE.fullmatch(value):
        return int(value)
    if "number" in types and _NUMBER.fullmatch(value):
        return float(value)
    return value

"""What to write in place of a value of the wrong kind, where it is certain what was meant."""

import json
import re
from collections.abc import Mapping
from typing import Any

# keys that many expect in the configuration, and what the command or this configuration has in their place
ELSEWHERE: Mapping[str, str] = {
    **dict.fromkeys(("cores", "jobs", "n_jobs"), "that is an option of the command: snakemake --cores 8"),
    **dict.fromkeys(
        ("results", "results_dir", "output", "outputs", "output_dir", "out_dir", "outdir", "workdir", "directory"),
        "results are written to results/ in the folder that the option --directory of the command names",
    ),
    "profile": "that is an option of the command: snakemake --profile workflow/profiles/slurm",
    "split.train": "whoever is in neither 'split.val' nor 'split.test' trains",
}


def how_to_write(schema: Mapping[str, Any], value: Any) -> str:
    """The end of a sentence, from its semicolon on; empty if it is not certain what was meant.

    Args:
        schema: of the key.
        value: of another type than the schema's.
    """
    types = schema.get("type", [])
    if "array" in types and not isinstance(value, dict | list | bool) and value is not None:
        entries = [part.strip() for part in value.split(",")] if isinstance(value, str) else [json.dumps(value)]
        return f"; write [{', '.join(entries)}]"
    if "object" in types:
        return _block(schema, value)
    if "number" in types and isinstance(value, str):
        return _number(value)
    return ""


def _number(text: str) -> str:
    if re.fullmatch(r"\d+,\d+", text):
        return f"; write a point: {text.replace(',', '.')}"
    if re.fullmatch(r"\d+(\.\d+)? ?%", text):
        return f"; write a fraction: {float(text.rstrip(' %')) / 100:g}"
    return ""


def _block(schema: Mapping[str, Any], value: Any) -> str:
    """How a block would say what a single value says."""
    if isinstance(value, str) and re.fullmatch(r"\w+:\S+", value):
        return f"; write a space after the colon: '{value.replace(':', ': ', 1)}'"
    keys: Mapping[str, Any] = schema.get("properties", {})
    for key, part in keys.items():
        if (isinstance(value, str) and value in part.get("enum", [])) or (
            isinstance(value, bool) and part.get("type") == "boolean"
        ):
            return f"; write {{{key}: {json.dumps(value) if isinstance(value, bool) else value}}}"
    names = list(keys) or list(schema.get("propertyNames", {}).get("enum", []))
    if not names:
        return ""
    return f", such as {', '.join(names[:3])}{' ...' if len(names) > 3 else ''}"

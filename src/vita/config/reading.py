"""Files of a configuration, read strictly: a mistake gives one line with the file and the place.

YAML itself silently takes the later of two equal keys, and Snakemake names neither file nor line.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from vita.runtime.errors import UserError

_OCTAL = re.compile(r"[+-]?0[0-7_]+")


def read_config(path: Path) -> dict[str, Any]:
    """Read a configuration in YAML, or in JSON, which is YAML too.

    Raises:
        UserError: the file is missing, not UTF-8, empty or not YAML, holds no keys, repeats one, or holds a block that
            holds itself or a number that YAML reads as another one.
    """
    import yaml

    text = _text(path)
    loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        node = yaml.compose(text, loader)
        if node is None:
            raise UserError(f"{path}: the configuration is empty; write keys such as 'seed: 1', or leave the file out")
        if not isinstance(node, yaml.MappingNode):
            raise UserError(
                f"{path}, line {_line(node)}: a configuration consists of keys with values, such as 'seed: 1'"
            )
        for line, mistake in _mistakes(node, (), set()):
            raise UserError(f"{path}, line {line}: {mistake}")
        config: dict[str, Any] = yaml.load(text, loader)
    except yaml.MarkedYAMLError as error:
        raise UserError(_no_yaml(path, text, error)) from error
    except yaml.YAMLError as error:
        raise UserError(f"{path}: not valid YAML: {' '.join(str(error).split())}") from error
    return config


def _text(path: Path) -> str:
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise UserError(f"{path}: the configuration cannot be read: {error.strerror}") from error
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        raise UserError(
            f"{path}, line {line}: byte 0x{raw[error.start]:02x} is not UTF-8; save the file as UTF-8 (is it Latin-1?)"
        ) from error


def _line(node: Any) -> int:
    return int(node.start_mark.line) + 1


def _mistakes(node: Any, above: tuple[int, ...], seen: set[int]) -> Iterator[tuple[int, str]]:
    """Line and description of something that YAML accepts but that cannot be intended.

    Args:
        node: a part of the document.
        above: the parts that hold it.
        seen: parts that were visited already, since an alias refers to the same part again.
    """
    if id(node) in above:
        yield _line(node), "this block holds itself, by an alias (*) of its own anchor (&); write its values out"
    if id(node) in seen:
        return
    seen.add(id(node))
    if isinstance(node.value, str):
        yield from _other_number(node)
        return
    lines: dict[str, int] = {}
    for part in node.value:
        if isinstance(part, tuple):
            name, line = str(part[0].value), _line(part[0])
            if name in lines:
                yield line, f"'{name}' is already in line {lines[name]}; remove one of them"
            lines[name] = line
        yield from _mistakes(part[1] if isinstance(part, tuple) else part, (*above, id(node)), seen)


def _other_number(node: Any) -> Iterator[tuple[int, str]]:
    """A number in YAML's base 8 or 60, which is not the number that a reader sees."""
    if not node.tag.endswith((":int", ":float")):
        return
    if _OCTAL.fullmatch(node.value):
        yield _line(node), f"YAML takes {node.value} for an octal number; leave out the 0 in front"
    elif ":" in node.value:
        yield _line(node), f"YAML takes {node.value} for a number of base 60; write the number in base 10"


def _no_yaml(path: Path, text: str, error: Any) -> str:
    """What is wrong with the YAML, in one line."""
    mark = error.problem_mark or error.context_mark
    number = int(mark.line) + 1 if mark else 1
    lines = text.splitlines()
    line = lines[number - 1] if number <= len(lines) else ""
    if "\t" in line[: len(line) - len(line.lstrip())]:
        return f"{path}, line {number}: a tab; YAML is indented with spaces only"
    about = ", ".join(filter(None, (error.context, error.problem)))
    return f"{path}, line {number}: not valid YAML: {about}"

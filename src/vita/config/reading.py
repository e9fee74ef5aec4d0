"""Files of a configuration, read strictly: a mistake gives one line with the file and the place.

YAML itself silently takes the later of two equal keys, and Snakemake names neither file nor line.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from vita.runtime.errors import UserError


def read_config(path: Path) -> dict[str, Any]:
    """Read a configuration in YAML, or in JSON, which is YAML too.

    Raises:
        UserError: the file is missing, not UTF-8, empty or not YAML, holds no keys, or repeats one.
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
        for key, line, first in _repeated(node):
            raise UserError(f"{path}, line {line}: '{key}' is already in line {first}; remove one of them")
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


def _repeated(node: Any) -> Iterator[tuple[str, int, int]]:
    """Repeated keys of a block: the key, its line, and the line of the first."""
    if isinstance(node.value, list):
        lines: dict[str, int] = {}
        for part in node.value:
            if isinstance(part, tuple):
                key, value = part
                name = str(key.value)
                if name in lines:
                    yield name, _line(key), lines[name]
                lines[name] = _line(key)
                yield from _repeated(value)
            else:
                yield from _repeated(part)


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

"""Tables in JSON: a row per object, per list of plain values, and per position in parallel lists."""

import json
import re
from collections import Counter
from typing import Any

from vita.release.contents import Binary, Contents, Table, inside
from vita.release.numbers import numbers
from vita.release.packed import unpacked

_FEWEST_NAMES = 8  # of parts, with numbers in them

_BASE64 = re.compile(r"(?:[A-Za-z0-9+/_-]{60,}\r?\n)*[A-Za-z0-9+/_-]{4,}={0,2}\s*")


def read_json(text: str, place: str, found: Contents, binary: Binary, depth: int) -> bool:
    """Read JSON, or one JSON value per line; return False if it is neither."""
    again: set[str] = set()

    def pairs(read: list[tuple[str, Any]]) -> dict[str, Any]:
        again.update(key for key, times in Counter(key for key, _ in read).items() if times > 1)
        return dict(read)

    try:
        values = [json.loads(text, parse_float=_Written, parse_int=_Written, object_pairs_hook=pairs)]
    except ValueError:
        try:
            values = [
                json.loads(line, parse_float=_Written, parse_int=_Written, object_pairs_hook=pairs)
                for line in text.splitlines()
                if line
            ]
        except ValueError:
            return False
    if again:
        found.unreadable.append(
            (place, f"the key {min(again)} occurs twice in an object, and programs read one of them")
        )
    rows: dict[tuple[str, tuple[str, ...]], list[list[str]]] = {}
    for value in values:
        _walk(value, "", rows)
    for (path, header), body in rows.items():
        found.tables.append(Table(inside(place, path) if path else place, header, body))
        for cell in (cell for row in body for cell in row if len(cell) >= 64):
            _packed(cell, inside(place, path or "text"), found, binary, depth)
    return True


class _Written(str):
    """A number as it is written in JSON."""


def _walk(value: Any, path: str, rows: dict[tuple[str, tuple[str, ...]], list[list[str]]]) -> None:
    """Rows of a JSON value: one per object, per list of plain values, and per position in parallel lists."""
    if isinstance(value, dict):
        plain = {key: each for key, each in value.items() if not isinstance(each, dict | list)}
        if plain:
            rows.setdefault((path, tuple(plain)), []).append([_cell(each) for each in plain.values()])
        lists = {key: each for key, each in value.items() if _is_plain_list(each)}
        sizes = {len(each) for each in lists.values()}
        if len(lists) > 1 and len(sizes) == 1 and sizes != {0}:
            columns = ([_cell(each) for each in column] for column in lists.values())
            rows.setdefault((path, tuple(lists)), []).extend(map(list, zip(*columns, strict=True)))
            lists_done = set(lists)
        else:
            lists_done = set()
        names = [key for key, each in value.items() if isinstance(each, dict | list) and numbers(key)]
        if len(names) >= _FEWEST_NAMES:
            rows.setdefault((f"{path} names", ("",)), []).extend([key] for key in names)
        for key, each in value.items():
            if isinstance(each, dict | list) and key not in lists_done:
                _walk(each, f"{path}.{key}" if path else str(key), rows)
    elif isinstance(value, list):
        if _is_plain_list(value):
            cells = [_cell(each) for each in value]
            if all(each is None or isinstance(each, _Written | bool) for each in value):
                named = (f"{path}[]", (path.rpartition(".")[2],))
                rows.setdefault(named, []).extend([cell] for cell in cells if cell)
                rows.setdefault((path, ()), []).append(cells)
            elif any(isinstance(each, str) and not isinstance(each, _Written) for each in value):
                between = "\n" if 2 * sum(bool(numbers(cell)) for cell in cells) > len(cells) else ""
                joined = between.join(
                    cell.removesuffix(between) for cell in cells
                ).splitlines()  # a notebook's source and outputs are lists of lines
                rows.setdefault((path, ("",)), []).extend([line] for line in joined)
        else:
            for each in value:
                _walk(each, f"{path}[]" if not path.endswith("[]") else path, rows)


def _is_plain_list(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and not any(isinstance(each, dict | list) for each in value)


def _cell(value: Any) -> str:
    return "" if value is None else str(value)


def _packed(text: str, place: str, found: Contents, binary: Binary, depth: int) -> None:
    """A file that a string holds as base64, as notebooks hold pictures; a string that is a text with lines."""
    if _BASE64.fullmatch(text):
        if (data := unpacked(text)) is not None:
            binary(data, place, found, depth + 1)
    elif "<" in text or "\n" in text:
        binary(text.encode(), place, found, depth + 1)

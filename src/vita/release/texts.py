"""Text of any form: JSON, markup, delimited tables and prose, and what is packed in it.

JSON holds tables in several ways: a row per object, per list of plain values, and per position in parallel lists.
"""

import base64
import binascii
import json
import re
from typing import Any

from vita.release.contents import Binary, Contents, Table, inside
from vita.release.disguise import ENCODED, plainly, unknown, unpacked
from vita.release.lines import delimited, in_lines
from vita.release.markup import read_markup
from vita.release.numbers import numbers

_DATA_ADDRESS = re.compile(r"data:[\w./+-]*(?:;[\w=.-]+)*;base64,([A-Za-z0-9+/=\s]{16,})")
_FEWEST_NAMES = 8  # of parts, with numbers in them
_BASE64 = re.compile(r"(?:[A-Za-z0-9+/_-]{60,}\r?\n)*[A-Za-z0-9+/_-]{4,}={0,2}\s*")


def read_text(text: str, place: str, name: str, found: Contents, binary: Binary, depth: int) -> None:
    """Add a text's tables and pictures to `found`; its form is recognised by its beginning and by its name."""
    text = plainly(_addresses(text, place, found, binary, depth))
    if text.lstrip("\ufeff \t\r\n")[:1] not in ("{", "["):  # the strings of JSON are read one by one
        for count, match in enumerate(ENCODED.finditer(text), 1):
            if (data := unpacked(match[0])) is not None:
                binary(data, inside(place, f"encoded {count}"), found, depth + 1)
    start = text.lstrip("\ufeff \t\r\n")[:200].lower()
    if words := unknown(text, start.startswith("<")):
        found.unreadable.append((place, f"{words} long words in an unknown encoding"))
    if start[:1] in "{[" and read_json(text, place, found, binary, depth):
        return
    if start.startswith(("<", "<?xml", "<!doctype")):
        read_markup(text, place, found, binary, depth)
        return
    if name.lower().endswith((".csv", ".tsv", ".tab")):
        found.tables += delimited(text, place)
        return
    found.tables += in_lines(text, place)


def _addresses(text: str, place: str, found: Contents, binary: Binary, depth: int) -> str:
    """Read the files in base64 data addresses, and take them out of the text."""
    if ";base64," not in text:
        return text
    for count, match in enumerate(_DATA_ADDRESS.finditer(text), 1):
        where = inside(place, f"data address {count}")
        try:
            binary(base64.b64decode(match[1]), where, found, depth + 1)
        except binascii.Error:
            found.unreadable.append((where, "no base64"))
    return _DATA_ADDRESS.sub(" ", text)


def read_json(text: str, place: str, found: Contents, binary: Binary, depth: int) -> bool:
    """Read JSON, or one JSON value per line; return False if it is neither."""
    try:
        values = [json.loads(text, parse_float=_Written, parse_int=_Written)]
    except ValueError:
        try:
            values = [json.loads(line, parse_float=_Written, parse_int=_Written) for line in text.splitlines() if line]
        except ValueError:
            return False
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
            if all(isinstance(each, _Written) for each in value):
                rows.setdefault((f"{path}[]", (path.rpartition(".")[2],)), []).extend([cell] for cell in cells)
                rows.setdefault((path, ()), []).append(cells)
            elif any(isinstance(each, str) and not isinstance(each, _Written) for each in value):
                joined = "".join(cells).splitlines()  # a notebook's source and outputs are lists of lines
                rows.setdefault((path, ("",)), []).extend([line] for line in joined)
        else:
            for each in value:
                _walk(each, f"{path}[]" if not path.endswith("[]") else path, rows)


def _is_plain_list(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and not any(isinstance(each, dict | list) for each in value)


def _cell(value: Any) -> str:
    return "" if value is None or isinstance(value, bool) else str(value)


def _packed(text: str, place: str, found: Contents, binary: Binary, depth: int) -> None:
    """A file that a string holds as base64, as notebooks hold pictures; a string that is a text with lines."""
    if _BASE64.fullmatch(text):
        if (data := unpacked(text)) is not None:
            binary(data, place, found, depth + 1)
    elif "<" in text or "\n" in text:
        binary(text.encode(), place, found, depth + 1)

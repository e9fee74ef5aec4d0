"""Tables in text: delimited files, Markdown, LaTeX, JSON and notebooks, HTML, SVG and other markup."""

import base64
import binascii
import csv
import io
import json
import re
from collections.abc import Callable, Iterator
from html.parser import HTMLParser
from itertools import groupby
from typing import Any

from vita.release.contents import PROSE, Contents, Table, inside
from vita.release.numbers import numbers

Binary = Callable[[bytes, str, Contents, int], None]  # reads bytes that a text holds

_DATA_ADDRESS = re.compile(r"data:[\w./+-]*(?:;[\w=.-]+)*;base64,([A-Za-z0-9+/=\s]{16,})")
# in one line, or in lines of equal length
_BASE64 = re.compile(r"(?:[A-Za-z0-9+/_-]{60,}\r?\n)*[A-Za-z0-9+/_-]{4,}={0,2}\s*")
_ENCODED = re.compile(r"(?<![\w+/=-])(?:(?:[A-Za-z0-9+/_-]{60,}\r?\n)+[A-Za-z0-9+/_-]+|[A-Za-z0-9+/_-]{64,})={0,2}")
_HASHES = {32, 40, 56, 64, 96, 128}  # characters of usual ones
_FEWEST_OF_EACH = 3  # capitals, small letters and digits of what was encoded
_DELIMITERS = "\t;|,"
_ROW_TAGS, _CELL_TAGS = {"tr", "row"}, {"td", "th", "c"}
_MARKS = {"use", "circle", "ellipse", "rect", "line", "image", "text", "tspan"}
_POSITIONS = ("x", "y", "cx", "cy", "r", "rx", "ry", "width", "height", "x1", "x2", "y1", "y2")
_POINT = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?")
_NUMBER_WORD = re.compile(r"\b(?:only|just) [a-z]+\b", re.IGNORECASE)  # only three women
_FEWEST_POINTS = 3
_TRANSLATED = re.compile(r"translate\(\s*([-+.\deE]+)[\s,]+([-+.\deE]+)\s*\)")
_ADDRESSES = {"href", "src", "id", "class", "xmlns", "lang", "charset"}


def read_text(text: str, place: str, name: str, found: Contents, binary: Binary, depth: int) -> None:
    """Add a text's tables and pictures to `found`; its form is recognised by its beginning and by its name."""
    text = _addresses(text, place, found, binary, depth)
    if text.lstrip("\ufeff \t\r\n")[:1] not in ("{", "["):  # the strings of JSON are read one by one
        for count, match in enumerate(_ENCODED.finditer(text), 1):
            if (data := unpacked(match[0])) is not None:
                binary(data, inside(place, f"encoded {count}"), found, depth + 1)
    start = text.lstrip("\ufeff \t\r\n")[:200].lower()
    if start[:1] in "{[" and _json(text, place, found, binary, depth):
        return
    if start.startswith(("<", "<?xml", "<!doctype")):
        _markup(text, place, found, binary, depth)
        return
    if name.lower().endswith((".csv", ".tsv", ".tab")):
        found.tables += _delimited(text, place)
        return
    found.tables += _lines(text, place)


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


def unpacked(text: str) -> bytes | None:
    """The bytes that a text holds in base64 or hexadecimal digits; None for words and for hashes."""
    joined = "".join(text.split())
    if re.fullmatch(r"[0-9a-f]+|[0-9A-F]+", joined):
        return None if len(joined) in _HASHES or len(joined) % 2 else bytes.fromhex(joined)
    kinds = (str.isupper, str.islower, str.isdigit)
    if min(sum(map(kind, joined)) for kind in kinds) < _FEWEST_OF_EACH:
        return None
    plain = joined.rstrip("=").translate(str.maketrans("-_", "+/"))
    if len(plain) % 4 == 1:
        return None
    return base64.b64decode(plain + "=" * (-len(plain) % 4))


def _headed(rows: list[list[str]]) -> tuple[tuple[str, ...], list[list[str]], int]:
    """Header, rows, and the number of the first row; a first row of words is a header."""
    if rows and sum(bool(numbers(cell)) and _is_number(cell) for cell in rows[0]) * 2 < max(len(rows[0]), 1):
        return tuple(cell.strip() for cell in rows[0]), rows[1:], 2
    return (), rows, 1


def _is_number(text: str) -> bool:
    return not any(character.isalpha() for character in text.lower().replace("e", ""))


def _delimited(text: str, place: str) -> Iterator[Table]:
    head = text[:4096].splitlines()[:20]
    scores = {mark: min((line.count(mark) for line in head if line.strip()), default=0) for mark in _DELIMITERS}
    delimiter = max(scores, key=lambda mark: scores[mark])
    if not scores[delimiter]:
        delimiter = ","
    csv.field_size_limit(2**31 - 1)
    rows = [row for row in csv.reader(io.StringIO(text), delimiter=delimiter) if row]
    header, body, first = _headed(rows)
    yield Table(place, header, body, first)


def _lines(text: str, place: str) -> Iterator[Table]:
    """Blocks of lines that are tables (Markdown, LaTeX, delimited), and all other lines as prose."""
    lines = [(number, *_cut(line)) for number, line in enumerate(text.splitlines(), 1)]
    for (kind, _), block in groupby(lines, key=lambda line: (line[1], len(line[2]) if line[1] else 0)):
        part = list(block)
        if not kind or len(part) < 2:
            rows = [[" ".join(cells)] for _, _, cells in part]
            yield from _prose(rows, place, part[0][0])
            continue
        rows = [cells for _, _, cells in part if not all(set(cell) <= set("-: ") for cell in cells)]
        header, body, _ = _headed(rows)
        yield Table(place, header, body, part[0][0] + len(part) - len(body))


def _prose(rows: list[list[str]], place: str, first: int) -> Iterator[Table]:
    if any(any(map(str.isdecimal, row[0])) or _NUMBER_WORD.search(row[0]) for row in rows):
        yield Table(place, (), rows, first, PROSE)


def _cut(line: str) -> tuple[str, list[str]]:
    """The delimiter of a table's line and its cells; no delimiter for prose."""
    line = line.strip()
    if line.startswith("|") and line.count("|") > 1:
        return "|", [cell.strip() for cell in line.strip("|").split("|")]
    if line.endswith(r"\\") and "&" in line:
        return "&", [cell.strip() for cell in line.removesuffix(r"\\").split("&")]
    for mark in "\t;,":
        cells = line.split(mark)
        if len(cells) > 1 and sum(len(numbers(cell)) == 1 and _is_number(cell) for cell in cells) * 2 >= len(cells):
            return mark, cells
    return "", [line]


# --- JSON ---------------------------------------------------------------------------------------------------------


def _json(text: str, place: str, found: Contents, binary: Binary, depth: int) -> bool:
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
        read_text(text, place, "", found, binary, depth + 1)


# --- HTML, SVG, XML -----------------------------------------------------------------------------------------------


class _Markup(HTMLParser):
    """Collects rows of tables, lines of text, positions of marks, attributes with digits, scripts and comments."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.tables: list[list[list[str]]] = []
        self.words: list[str] = []
        self.marks: dict[str, list[list[str]]] = {}
        self.paths: list[list[list[str]]] = []
        self.scripts: list[str] = []
        self._row: list[str] | None = None
        self._cell: list[str] | None = None
        self.attributes: dict[tuple[str, tuple[str, ...]], list[list[str]]] = {}
        self._definitions = 0
        self._drawn = 0
        self._script = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Begin a row or cell, or note a mark."""
        named = {key: text or "" for key, text in attrs}
        if tag == "table" or (tag == "row" and not self.tables):
            self.tables.append([])
        if tag in _ROW_TAGS and self.tables:
            self._row = []
            self.tables[-1].append(self._row)
        elif tag in _CELL_TAGS and self._row is not None:
            self._end_cell()
            self._cell = []
        elif tag in ("defs", "clippath", "symbol"):
            self._definitions += 1
        elif tag in ("script", "style"):
            self._script = tag == "script"
        self._drawn += tag == "svg"
        if not self._definitions:
            self._mark(tag, named)
        if not self._drawn:
            told = {key: text for key, text in named.items() if any(map(str.isdecimal, text)) and key not in _ADDRESSES}
            if told:
                self.attributes.setdefault((tag, tuple(told)), []).append(list(told.values()))
        for key, text in named.items():
            if key.startswith(("data-", "aria-")) or key in ("title", "alt", "content", "value", "label"):
                self.words.append(text)

    def _mark(self, tag: str, named: dict[str, str]) -> None:
        if tag in _MARKS:
            row = [named[key] for key in _POSITIONS if key in named]
            if row:
                symbol = named.get("xlink:href") or named.get("href") or named.get("class", "")
                self.marks.setdefault(f"<{tag} {symbol[:20]}>", []).append(row)
        elif tag == "g" and (place := _TRANSLATED.fullmatch(named.get("transform", ""))):
            self.marks.setdefault("<g translate>", []).append([place[1], place[2]])
        elif tag in ("path", "polyline", "polygon"):
            points = _POINT.findall(named.get("d", "") or named.get("points", ""))
            if len(points) >= 2 * _FEWEST_POINTS:
                self.paths.append([points[place : place + 2] for place in range(0, len(points) - 1, 2)])

    def handle_endtag(self, tag: str) -> None:
        """End a row, cell, or part that is not drawn."""
        if tag in _CELL_TAGS or tag in _ROW_TAGS:
            self._end_cell()
        if tag in _ROW_TAGS:
            self._row = None
        if tag in ("defs", "clippath", "symbol"):
            self._definitions = max(0, self._definitions - 1)
        if tag == "script":
            self._script = False
        self._drawn = max(0, self._drawn - (tag == "svg"))

    def handle_data(self, data: str) -> None:
        """Text of a cell, a script, or a line."""
        if self._script:
            self.scripts.append(data)
        elif self._cell is not None:
            self._cell.append(data)
        elif data.strip():
            self.words += data.splitlines()

    def handle_comment(self, data: str) -> None:
        """Comments may hold what was drawn: matplotlib writes a text's words there."""
        self.words += data.splitlines()

    def unknown_decl(self, data: str) -> None:
        """CDATA."""
        self.words += data.splitlines()

    def _end_cell(self) -> None:
        if self._cell is not None and self._row is not None:
            self._row.append(" ".join("".join(self._cell).split()))
        self._cell = None


def _markup(text: str, place: str, found: Contents, binary: Binary, depth: int) -> None:
    parser = _Markup()
    parser.feed(text)
    parser.close()
    for count, rows in enumerate(parser.tables, 1):
        header, body, first = _headed([row for row in rows if row])
        if body:
            found.tables.append(Table(inside(place, f"table {count}"), header, body, first))
    found.tables += _prose([[line] for line in parser.words], inside(place, "text"), 1)
    for (tag, names), rows in parser.attributes.items():
        split = [[" ".join(_POINT.findall(text)) if ";" in text else text for text in row] for row in rows]
        found.tables.append(Table(inside(place, f"attributes of <{tag}>"), names, split))
    for tag, rows in parser.marks.items():
        found.tables.append(Table(inside(place, f"marks {tag}"), (), rows, 1, "marks"))
    for count, rows in enumerate(parser.paths, 1):
        found.tables.append(Table(inside(place, f"path {count}"), (), rows, 1, "marks"))
    for count, script in enumerate(parser.scripts, 1):
        if any(character.isdecimal() for character in script):
            read_text(script, inside(place, f"script {count}"), "", found, binary, depth + 1)

"""Tables, texts, drawings and scripts in HTML, SVG and other markup."""

import re
from collections.abc import Iterator
from html.parser import HTMLParser

import numpy as np

from vita.release.contents import Binary, Contents, Table, inside
from vita.release.drawing import path_points, shape, suspicious
from vita.release.lines import headed, prose

_ROW_TAGS, _CELL_TAGS = {"tr", "row"}, {"td", "th", "c"}

_MARKS = {"use", "circle", "ellipse", "rect", "line", "image", "text", "tspan"}

_POSITIONS = ("x", "y", "cx", "cy", "r", "rx", "ry", "width", "height", "x1", "x2", "y1", "y2")

_POINT = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?")

_FEWEST_POINTS = 3


_ADDRESSES = {"href", "src", "xmlns", "lang", "charset"}
_INLINE = {"b", "i", "em", "strong", "span", "sub", "sup", "a", "font", "small", "u", "code", "mark"}  # within a word
_SHIFTED = re.compile(r"translate\(\s*([-+.\deE]+)(?:px)?[\s,]+([-+.\deE]+)(?:px)?\s*\)")
_COLOUR = re.compile(r"#([0-9a-fA-F]{6})\b|rgb\(\s*(\d+)\s*,\s*(\d+)\s*,\s*(\d+)")
_FEWEST_COLOURS = 256  # in a drawing that may be a picture
_SMALLEST_SIDE = 12


class _Markup(HTMLParser):
    """Collects rows of tables, lines of text, positions of marks, attributes with digits, scripts and comments."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.tables: list[list[list[str]]] = []
        self.words: list[str] = []
        self.marks: dict[str, list[list[str]]] = {}
        self.paths: list[list[tuple[float, float]]] = []
        self.scripts: list[str] = []
        self._row: list[str] | None = None
        self._cell: list[str] | None = None
        self.attributes: dict[tuple[str, tuple[str, ...]], list[list[str]]] = {}
        self._definitions = 0
        self._drawn = 0
        self._script = False
        self._within = False  # a word goes on

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Begin a row or cell, or note a mark."""
        named = {key: text or "" for key, text in attrs}
        self._within &= tag in _INLINE
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
        elif tag in ("path", "polyline", "polygon"):
            points = path_points(named.get("d", "") or named.get("points", ""))
            if form := shape(points):
                self.marks.setdefault(f"<{tag} {form}>", []).append([f"{part:.8g}" for part in points[0]])
            if len(points) >= _FEWEST_POINTS:
                self.paths.append(points)
        if place := _SHIFTED.search(named.get("transform", "") + named.get("style", "")):
            self.marks.setdefault(f"<{tag} translate>", []).append([place[1], place[2]])

    def handle_endtag(self, tag: str) -> None:
        """End a row, cell, or part that is not drawn."""
        self._within &= tag in _INLINE
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
        elif self._within and not data.strip():
            self.words[-1] += " "
            self._within = "\n" not in data
        elif data.strip():
            lines = data.splitlines()
            if self._within:
                self.words[-1] += lines.pop(0)
            self.words += lines
            self._within = not data.endswith("\n")

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


def read_markup(text: str, place: str, found: Contents, binary: Binary, depth: int) -> None:
    """Add everything that a page or drawing holds to `found`."""
    parser = _Markup()
    parser.feed(text)
    parser.close()
    for count, rows in enumerate(parser.tables, 1):
        header, body, first = headed([row for row in rows if row])
        if body:
            found.tables.append(Table(inside(place, f"table {count}"), header, body, first))
    found.tables += prose([[line] for line in parser.words], inside(place, "text"), 1)
    for (tag, names), rows in parser.attributes.items():
        split = [[" ".join(_POINT.findall(text)) if ";" in text else text for text in row] for row in rows]
        found.tables.append(Table(inside(place, f"attributes of <{tag}>"), names, split))
    for tag, rows in parser.marks.items():
        found.tables.append(Table(inside(place, f"marks {tag}"), (), rows, 1, "marks"))
    for count, points in enumerate(parser.paths, 1):
        rows = [[f"{part:.8g}" for part in point] for point in points]
        found.tables.append(Table(inside(place, f"path {count}"), (), rows, 1, "marks"))
        found.people += [(inside(place, f"path {count}"), words) for words in suspicious(points)]
    found.pictures += [(inside(place, "colours"), picture) for picture in _painted(text)]
    for count, script in enumerate(parser.scripts, 1):
        if any(character.isdecimal() for character in script):
            binary(script.encode(), inside(place, f"script {count}"), found, depth + 1)


def _painted(text: str) -> Iterator[np.ndarray]:
    """Pictures whose pixels are the colours of a drawing's parts, in the order in which they are drawn."""
    colours = [int(hexa[:2], 16) if hexa else int(red) for hexa, red, _, _ in _COLOUR.findall(text)]
    size = len(colours)
    if size >= _FEWEST_COLOURS and len(set(colours)) >= _SMALLEST_SIDE:
        grey = np.array(colours, np.uint8)
        for width in range(_SMALLEST_SIDE, size // _SMALLEST_SIDE + 1):
            if size % width == 0:
                yield grey.reshape(-1, width)

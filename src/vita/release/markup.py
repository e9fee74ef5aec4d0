"""Tables, texts, drawings and scripts in HTML, SVG and other markup."""

import re
from html.parser import HTMLParser

from vita.release.contents import Binary, Contents, Table, inside
from vita.release.lines import headed, prose

_ROW_TAGS, _CELL_TAGS = {"tr", "row"}, {"td", "th", "c"}

_MARKS = {"use", "circle", "ellipse", "rect", "line", "image", "text", "tspan"}

_POSITIONS = ("x", "y", "cx", "cy", "r", "rx", "ry", "width", "height", "x1", "x2", "y1", "y2")

_POINT = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?")

_FEWEST_POINTS = 3

_TRANSLATED = re.compile(r"translate\(\s*([-+.\deE]+)[\s,]+([-+.\deE]+)\s*\)")

_ADDRESSES = {"href", "src", "id", "class", "xmlns", "lang", "charset"}


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
    for count, rows in enumerate(parser.paths, 1):
        found.tables.append(Table(inside(place, f"path {count}"), (), rows, 1, "marks"))
    for count, script in enumerate(parser.scripts, 1):
        if any(character.isdecimal() for character in script):
            binary(script.encode(), inside(place, f"script {count}"), found, depth + 1)

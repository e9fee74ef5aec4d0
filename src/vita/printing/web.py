"""A printed table, or a card, as a web page of its own, which opens offline and which the report shows."""

from collections.abc import Iterable
from html import escape
from pathlib import Path

from markdown_it import MarkdownIt

from vita.printing.cells import Cell, Printed, letter
from vita.runtime.atomic import write_text

_STYLE = """
body { font: 13px/1.45 system-ui, sans-serif; color: #1d2733; margin: 1.2rem; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; border-top: 2px solid; border-bottom: 2px solid; }
.caption { font-weight: 600; color: inherit; margin-bottom: .6rem; }
summary { font-weight: 600; cursor: pointer; margin: .4rem 0; }
th, td { padding: .2rem .5rem; text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
th { vertical-align: bottom; white-space: normal; }
th:first-child, td:first-child { position: sticky; left: 0; background: white; }
th:first-child, td:first-child, .words { text-align: left; }
thead { border-bottom: 1px solid; }
tr.rule td { border-bottom: 1px solid #9aa5b1; }
p { max-width: 60rem; margin: .5rem 0; color: #3d4852; }
"""


def write_card(sections: list[str], md: Path, html: Path) -> None:
    """Sections of Markdown, the first of them the title, as one file of Markdown and as a web page."""
    text = "\n\n".join(section.strip("\n") for section in sections) + "\n"
    title = sections[0].lstrip("# ").strip()
    body = MarkdownIt("commonmark").enable("table").render(text)
    body = body.replace("<table>", '<div class="wide"><table>').replace("</table>", "</table></div>")
    web = f"{_head(title)}<body>\n{body}</body></html>\n"
    for path, content in {md: text, html: web}.items():
        write_text(path, content)


def _head(title: str) -> str:
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        f"<style>{_STYLE}</style></head>\n"
    )


def page(table: Printed) -> str:
    """The table as HTML, captioned above and footnoted below; every text is escaped."""
    return _document(table.caption, _body(table))


def folded(caption: str, parts: list[Printed], remarks: list[str]) -> str:
    """Several tables, each folded under its own caption; the first is open."""
    tables = [
        f"<details{'' if place else ' open'}><summary>{escape(part.caption)}</summary>\n{_body(part)}\n</details>"
        for place, part in enumerate(parts)
    ]
    return _document(caption, "\n".join([*tables, *_paragraphs(map(escape, remarks))]))


def _document(caption: str, body: str) -> str:
    return f'{_head(caption)}<body>\n<p class="caption">{escape(caption)}</p>\n{body}\n</body></html>\n'


def _body(table: Printed) -> str:
    """Cells and footnotes; what is wider than the window scrolls in a box of its own."""
    head = "".join(f"<th{_flush(place, table)}>{escape(text)}</th>" for place, text in enumerate(table.header))
    rows = "\n".join(_row(row, place, table) for place, row in enumerate(table.rows))
    notes = [f"<sup>{letter(place)}</sup> {escape(text)}" for place, text in enumerate(table.footnotes)]
    below = "\n".join(_paragraphs([*notes, *map(escape, table.remarks)]))
    return (
        f'<div class="wide"><table>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{rows}\n</tbody>\n</table></div>\n{below}'
    )


def _paragraphs(texts: Iterable[str]) -> list[str]:
    return [f"<p>{text}</p>" for text in texts]


def _flush(column: int, table: Printed) -> str:
    return ' class="words"' if 0 < column < table.words else ""  # the first column always is


def _row(cells: list[Cell], place: int, table: Printed) -> str:
    body = "".join(f"<td{_flush(column, table)}>{_cell(cell)}</td>" for column, cell in enumerate(cells))
    return f'<tr class="rule">{body}</tr>' if place in table.rules else f"<tr>{body}</tr>"


def _cell(cell: Cell) -> str:
    text = f"<b>{escape(cell.text)}</b>" if cell.bold else escape(cell.text)
    return text + escape(cell.mark) + (f"<sup>{cell.footnote}</sup>" if cell.footnote else "")

"""A printed table, or a card, as a web page of its own, which opens offline and which the report shows."""

from html import escape
from pathlib import Path

from markdown_it import MarkdownIt

from vita.atomic import write_text
from vita.evaluation.printing import Cell, Printed, letter

_STYLE = """
body { font: 15px/1.45 system-ui, sans-serif; color: #1d2733; margin: 1.5rem; }
table { border-collapse: collapse; border-top: 2px solid; border-bottom: 2px solid; }
caption { text-align: left; font-weight: 600; padding-bottom: .6rem; }
th, td { padding: .25rem .8rem; text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
th:first-child, td:first-child { text-align: left; }
thead { border-bottom: 1px solid; }
tr.rule td { border-bottom: 1px solid #9aa5b1; }
p { max-width: 60rem; margin: .5rem 0; color: #3d4852; }
"""


def write_card(sections: list[str], md: Path, html: Path) -> None:
    """Sections of Markdown, the first of them the title, as one file of Markdown and as a web page."""
    text = "\n\n".join(section.strip("\n") for section in sections) + "\n"
    title = sections[0].lstrip("# ").strip()
    body = MarkdownIt("commonmark").enable("table").render(text)
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
    head = "".join(f"<th>{escape(text)}</th>" for text in table.header)
    rows = "\n".join(_row(row, place in table.rules) for place, row in enumerate(table.rows))
    notes = [f"<sup>{letter(place)}</sup> {escape(text)}" for place, text in enumerate(table.footnotes)]
    below = "\n".join(f"<p>{text}</p>" for text in [*notes, *map(escape, table.remarks)])
    return (
        f"{_head(table.caption)}<body>\n<table>\n<caption>{escape(table.caption)}</caption>\n"
        f"<thead><tr>{head}</tr></thead>\n<tbody>\n{rows}\n</tbody>\n</table>\n{below}\n</body></html>\n"
    )


def _row(cells: list[Cell], ruled: bool) -> str:
    body = "".join(f"<td>{_cell(cell)}</td>" for cell in cells)
    return f'<tr class="rule">{body}</tr>' if ruled else f"<tr>{body}</tr>"


def _cell(cell: Cell) -> str:
    text = f"<b>{escape(cell.text)}</b>" if cell.bold else escape(cell.text)
    return text + escape(cell.mark) + (f"<sup>{cell.footnote}</sup>" if cell.footnote else "")

"""The release's page: its figures, tables and cards, with relative links, so that the folder can be moved."""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined
from markdown_it import MarkdownIt

from vita.release.weights import Judged
from vita.runtime.atomic import write_text


@dataclass(frozen=True)
class ShownFigure:
    """A figure on the page; without an image if too few people are known.

    Attributes:
        title, words: above and below it.
        image, csv: its files, in the release.
        cell: smallest number of people behind a number; 0 if it is not made of such numbers.
    """

    title: str
    words: str
    image: str = ""
    csv: str = ""
    cell: int = 0


@dataclass(frozen=True)
class ShownTable:
    """A table on the page, and a sentence about the numbers that are withheld from it."""

    title: str
    csv: str
    html: str
    withheld: str = ""


@dataclass(frozen=True)
class ShownCard:
    """A card on the page."""

    title: str
    html: str


def source(phantom: bool) -> str:
    """A sentence about the participants."""
    return "All participants are synthetic." if phantom else "Participants of UK Biobank, in aggregate."


def table_html(text: str) -> str:
    """A CSV as an HTML table."""
    header, *rows = [row for row in csv.reader(io.StringIO(text)) if row]
    head = "".join(f"<th>{escape(name)}</th>" for name in header)
    body = "\n".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>\n{body}\n</tbody></table>"


def card_html(text: str) -> str:
    """Markdown as HTML."""
    return str(MarkdownIt("commonmark").enable("table").render(text))


def write_page(
    path: Path,
    figures: Sequence[ShownFigure],
    tables: Sequence[ShownTable],
    cards: Sequence[ShownCard],
    models: Sequence[Judged],
    left_out: Sequence[str],
    cell: int,
    phantom: bool,
) -> None:
    """Write the page."""
    environment = Environment(
        loader=PackageLoader("vita.release", "."), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    text = environment.get_template("page.html.j2").render(
        figures=figures, tables=tables, cards=cards, models=models, left_out=left_out, cell=cell, source=source(phantom)
    )
    write_text(path, text + "\n")

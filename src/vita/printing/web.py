"""Web pages from templates: one base for every page, which opens offline and prints.

Texts are escaped unless they are `Markup`. A package with pages of its own has a folder `templates` and extends
`base.html` (blocks `style` and `body`); `parts.html` has the macro `printed` for a table.
"""

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from markupsafe import Markup

from vita.printing.cells import Printed, letter
from vita.runtime.atomic import write_text

if TYPE_CHECKING:
    from jinja2 import Environment

TEMPLATES = Path(__file__).with_name("templates")


@cache
def _environment(folders: tuple[Path, ...]) -> "Environment":
    from jinja2 import Environment, FileSystemLoader, StrictUndefined  # start-up

    found = Environment(
        loader=FileSystemLoader([*folders, TEMPLATES]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    found.filters["letter"] = letter
    return found


def render(template: str, folder: Path | None = None, **values: object) -> str:
    """A page.

    Args:
        template: file name of the template.
        folder: of the templates of the package that it belongs to; None for this package's.
        values: what the template names; a whole page needs `title`.

    Raises:
        jinja2.UndefinedError: the template names something that is not among the values.
    """
    return _environment((folder,) if folder else ()).get_template(template).render(**values)


def page(table: Printed) -> str:
    """The table as a page, with its caption above and its footnotes below."""
    return render("tables.html", title=table.caption, tables=[table], folded=False, remarks=[])


def part(table: Printed) -> Markup:
    """The table as a part of a larger page."""
    return Markup(render("part.html", table=table))


def folded(caption: str, parts: list[Printed], remarks: list[str]) -> str:
    """Several tables as a page, each folded under its own caption; the first is open."""
    return render("tables.html", title=caption, tables=parts, folded=True, remarks=remarks)


def as_html(markdown: str) -> Markup:
    """Markdown, with tables that scroll where they are wider than the window."""
    from markdown_it import MarkdownIt  # start-up

    html = MarkdownIt("commonmark").enable("table").render(markdown)
    html = html.replace("<table>", '<div class="wide"><table>').replace("</table>", "</table></div>")
    return Markup(html)  # from our own Markdown, whose cells are escaped


def write_card(sections: list[str], md: Path, html: Path) -> None:
    """Write sections, the first of them the title, as one file of Markdown and as a page."""
    text = "\n\n".join(section.strip("\n") for section in sections) + "\n"
    title = sections[0].lstrip("# ").strip()
    for path, content in {md: text, html: render("card.html", title=title, text=as_html(text))}.items():
        write_text(path, content)

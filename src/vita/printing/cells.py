"""Tables for readers: Markdown and LaTeX from one description, with bold, marks and footnotes."""

from dataclasses import dataclass, field, replace
from string import ascii_lowercase


@dataclass(frozen=True)
class Cell:
    """One printed cell."""

    text: str
    bold: bool = False
    mark: str = ""
    footnote: str = ""  # its letter, once it has a footnote


@dataclass
class Printed:
    """A table as it is printed.

    `rules` are the rows after which a line is drawn; the first `words` columns hold words, and are set flush left.
    """

    caption: str
    header: list[str]
    rows: list[list[Cell]] = field(default_factory=list)
    footnotes: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    rules: set[int] = field(default_factory=set)
    words: int = 1

    def note(self, cell: Cell, footnote: str) -> Cell:
        """The cell with the letter of a footnote; equal footnotes share one."""
        if footnote not in self.footnotes:
            self.footnotes.append(footnote)
        return replace(cell, footnote=letter(self.footnotes.index(footnote)))


def letter(number: int) -> str:
    """a, b, ..., z, aa, ab, ..."""
    above, place = divmod(number, len(ascii_lowercase))
    return (letter(above - 1) if above else "") + ascii_lowercase[place]


def markdown(table: Printed) -> str:
    """The table in Markdown, with its caption above and its footnotes below."""
    lines = [f"**{table.caption}**", ""]
    lines.append("| " + " | ".join(_md(text) for text in table.header) + " |")
    ends = ["---", *(":---" if place < table.words else "---:" for place in range(1, len(table.header)))]
    lines.append("| " + " | ".join(ends) + " |")
    lines.extend("| " + " | ".join(_md_cell(cell) for cell in row) + " |" for row in table.rows)
    for place, footnote in enumerate(table.footnotes):
        lines += ["", f"<sup>{letter(place)}</sup> {_md(footnote)}"]
    for remark in table.remarks:
        lines += ["", _md(remark)]
    return "\n".join(lines) + "\n"


def _md(text: str) -> str:
    return text.replace("|", "\\|").replace("*", "\\*").replace("<", "&lt;")


def _md_cell(cell: Cell) -> str:
    text = f"**{_md(cell.text)}**" if cell.bold else _md(cell.text)
    return text + _md(cell.mark) + (f"<sup>{cell.footnote}</sup>" if cell.footnote else "")


def latex(table: Printed, label: str) -> str:
    """The table as a LaTeX `table` environment for the package booktabs."""
    lines = [
        "\\begin{table}",
        "\\centering\\small",
        f"\\caption{{{_tex(table.caption)}}}",
        f"\\label{{tab:{label}}}",
        f"\\begin{{tabular}}{{{'l' * table.words + 'r' * (len(table.header) - table.words)}}}",
        "\\toprule",
        " & ".join(_tex(text) for text in table.header) + " \\\\",
        "\\midrule",
    ]
    for place, row in enumerate(table.rows):
        lines.append(" & ".join(_tex_cell(cell) for cell in row) + " \\\\")
        if place in table.rules and place + 1 < len(table.rows):
            lines.append("\\midrule")
    lines += ["\\bottomrule", "\\end{tabular}"]
    for place, footnote in enumerate(table.footnotes):
        lines += ["", f"\\footnotesize\\textsuperscript{{{letter(place)}}} {_tex(footnote)}"]
    lines += [line for remark in table.remarks for line in ("", f"\\footnotesize {_tex(remark)}")]
    return "\n".join([*lines, "\\end{table}"]) + "\n"


_TEX = {
    "\\": r"\textbackslash{}",
    **{character: f"\\{character}" for character in "&%$#_{}"},
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "±": r"$\pm$",
    "–": "--",
    "<": "$<$",
    "≥": r"$\geq$",
    "²": r"\textsuperscript{2}",
}


def _tex(text: str) -> str:
    return "".join(_TEX.get(character, character) for character in text)


def _tex_cell(cell: Cell) -> str:
    text = f"\\textbf{{{_tex(cell.text)}}}" if cell.bold else _tex(cell.text)
    text += f"\\textsuperscript{{{_tex(cell.mark)}}}" if cell.mark else ""
    return text + (f"\\textsuperscript{{{cell.footnote}}}" if cell.footnote else "")

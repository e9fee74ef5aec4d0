"""Tables for readers: Markdown and LaTeX from one description, with bold, marks and footnotes."""

import math
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from string import ascii_lowercase

from vita.runtime.privacy import shown_count

DASH = "–"


@dataclass(frozen=True)
class Cell:
    """One printed cell."""

    text: str
    bold: bool = False
    mark: str = ""
    footnote: str = ""  # its letter, once noted


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


def known(value: float | None) -> bool:
    """Whether there is a number to print."""
    return value is not None and not math.isnan(value)


def number(value: float | None, decimals: int) -> str:
    """A number with so many decimals, or a dash."""
    return f"{value:.{decimals}f}" if known(value) else DASH


def rounded(value: float | None, sign: str = "") -> str:
    """A number of four significant digits, as far as four decimals hold them, or a dash; `sign` "+" shows the sign."""
    if not known(value):
        return DASH
    decimals = 3 - math.floor(math.log10(abs(value))) if value else 0
    return f"{value:{sign},.{min(max(decimals, 0), 4)}f}"


def count(value: float | None) -> str:
    """A number of participants as it may be shown, or a dash."""
    return shown_count(int(value)) if known(value) else DASH


def sizes(counts: Iterable[float]) -> str:
    """`n = 144`, or `n = 120 to 144` where rows differ, as it may be shown; nothing where no count is known."""
    ordered = sorted(int(each) for each in counts if known(each))
    ends = dict.fromkeys(shown_count(each) for each in ordered[:1] + ordered[-1:])
    return f"n = {' to '.join(ends)}" if ends else ""


def with_spread(value: float, spread: float, decimals: int) -> str:
    """`mean ± SD`, the mean alone without a spread, or a dash."""
    if not known(value):
        return DASH
    return number(value, decimals) + (f" ± {spread:.{decimals}f}" if known(spread) else "")


def with_interval(value: float, low: float, high: float, decimals: int) -> str:
    """`value (low–high)`, the value alone without an interval, or a dash."""
    if not known(value):
        return DASH
    interval = f" ({low:.{decimals}f}–{high:.{decimals}f})" if known(low) and known(high) else ""
    return number(value, decimals) + interval


def p_value(value: float) -> str:
    """A p value as it is printed: three decimals, or `<0.001`."""
    if not known(value):
        return DASH
    return "<0.001" if value < 0.001 else f"{value:.3f}"


def markdown(table: Printed) -> str:
    """The table in Markdown (pipes), captioned above and footnoted below."""
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

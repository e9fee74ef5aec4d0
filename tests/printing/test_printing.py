import pytest

from vita.printing.cells import Cell, Printed, latex, letter, markdown
from vita.printing.numbers import number, p_value, with_interval, with_spread
from vita.printing.web import page


def test_numbers():
    nan = float("nan")
    assert number(1.23456, 2) == "1.23"
    assert number(nan, 2) == number(None, 2) == "–"
    assert with_spread(1, 0.5, 1) == "1.0 ± 0.5"
    assert with_spread(1, nan, 1) == "1.0"
    assert with_interval(0.5, 0.25, 0.75, 2) == "0.50 (0.25–0.75)"
    assert with_interval(nan, 0, 1, 2) == "–"
    assert (p_value(0.0004), p_value(0.0126), p_value(nan)) == ("<0.001", "0.013", "–")


def test_no_line_breaks_an_interval():
    table = Printed("A caption", ["", "slope"])
    table.rows.append([Cell("CAD, 3 to 4"), Cell("0.87 (-0.19 to 1.94)")])
    text = page(table)
    assert "0.87 (-0.19\u00a0to\u00a01.94)" in text
    assert "3 to 4" in text


@pytest.mark.parametrize(("place", "expected"), [(0, "a"), (25, "z"), (26, "aa"), (27, "ab"), (52, "ba")])
def test_letters(place, expected):
    assert letter(place) == expected


def test_equal_footnotes_share_a_letter():
    table = Printed("A caption", ["", "x"])
    cells = [table.note(Cell("–"), text) for text in ("first", "second", "first")]
    assert [cell.footnote for cell in cells] == ["a", "b", "a"]
    assert table.footnotes == ["first", "second"]


def test_special_characters_survive():
    table = Printed(
        "50 % & more_than {that}", ["", "a|b"], [[Cell("x_y < 3 %"), Cell("1 ± 2", True, "**", "a")]], ["n"]
    )
    assert r"a\|b" in markdown(table)
    assert r"| x_y &lt; 3 % | **1 ± 2**\*\*<sup>a</sup> |" in markdown(table)
    assert r"\caption{50 \% \& more\_than \{that\}}" in latex(table, "t")
    assert r"x\_y $<$ 3 \% & \textbf{1 $\pm$ 2}\textsuperscript{**}\textsuperscript{a} \\" in latex(table, "t")


def test_a_web_page_escapes_what_it_shows():
    table = Printed("50 % & <b>", ["", "a<b"], [[Cell("<script>"), Cell("1 ± 2", True, "**", "a")]], ["x > y"])
    text = page(table)
    assert '<p class="caption">50 % &amp; &lt;b&gt;</p>' in text
    assert "<td>&lt;script&gt;</td><td><b>1 ± 2</b>**<sup>a</sup></td>" in text
    assert "<p><sup>a</sup> x &gt; y</p>" in text
    assert "<script" not in text


def test_what_rounds_to_zero_has_no_sign():
    assert (number(-0.004, 2), number(-0.006, 2)) == ("0.00", "-0.01")
    assert with_interval(-0.001, -0.3, 0.2, 2, " to ") == "0.00 (-0.30 to 0.20)"

"""Numbers as text: the one place that decides how many digits a reader sees, and what an unknown number looks like."""

import math
from collections.abc import Iterable
from typing import TypeGuard

from vita.runtime.privacy import shown_count

DASH = "–"


def known(value: float | None) -> TypeGuard[float]:
    """Whether there is a number to print."""
    return value is not None and not math.isnan(value)


def number(value: float | None, decimals: int) -> str:
    """A number with this many decimals, or a dash; what rounds to zero has no sign."""
    return f"{value:z.{decimals}f}" if known(value) else DASH


def rounded(value: float | None, sign: str = "", digits: int = 4, decimals: int = 4) -> str:
    """A number with `digits` significant digits and at most `decimals` decimals, or a dash; `sign` "+" shows the sign.

    Digits before the point are never rounded away: 12,345.6 is 12,346.
    """
    if not known(value):
        return DASH
    places = digits - 1 - math.floor(math.log10(abs(value))) if value else 0
    return f"{value:{sign},.{min(max(places, 0), decimals)}f}"


def about(value: float, digits: int = 2) -> str:
    """A rough number: a few significant digits, rounded before the point too (12,345.6 is 12,000)."""
    return f"{float(f'{value:.{digits}g}'):,.12g}"


def percent(share: float, decimals: int = 0) -> str:
    """A share as `12.3 %`."""
    return f"{100 * share:.{decimals}f} %"


def count(value: float | None) -> str:
    """A number of participants as it may be shown, or a dash."""
    return shown_count(int(value)) if known(value) else DASH


def sizes(counts: Iterable[float]) -> str:
    """`n = 144`, or `n = 120 to 144` if rows differ, as it may be shown; empty if no count is known."""
    ordered = sorted(int(each) for each in counts if known(each))
    ends = dict.fromkeys(shown_count(each) for each in ordered[:1] + ordered[-1:])
    return f"n = {' to '.join(ends)}" if ends else ""


def with_spread(value: float, spread: float, decimals: int) -> str:
    """`mean ± SD`, the mean alone without a spread, or a dash."""
    if not known(value):
        return DASH
    return number(value, decimals) + (f" ± {spread:.{decimals}f}" if known(spread) else "")


def with_interval(value: float, low: float, high: float, decimals: int, between: str = "–") -> str:
    """`value (low–high)`, the value alone without an interval, or a dash; `between` " to " where a minus may occur."""
    if not known(value):
        return DASH
    interval = f" ({number(low, decimals)}{between}{number(high, decimals)})" if known(low) and known(high) else ""
    return number(value, decimals) + interval


def p_value(value: float) -> str:
    """A p value as it is printed: three decimals, or `<0.001`."""
    if not known(value):
        return DASH
    return "<0.001" if value < 0.001 else f"{value:.3f}"

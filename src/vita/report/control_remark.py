"""The sentence under a table that names the trained systems that do not beat the controls."""

from collections.abc import Mapping

import pandas as pd

from vita import names
from vita.printing.numbers import rounded


def control_remark(means: Mapping[str, float], quantity: str, higher_is_better: bool) -> str:
    """Trained systems that the best control equals or beats, on average over the table's rows.

    Args:
        means: average of each system; NaN if it was not run for all rows.
        quantity: what is averaged, in words, such as `MAE`.
        higher_is_better: whether a higher average is better.

    Returns:
        One sentence, or none if the table has no control or no trained system.
    """
    known = {name: value for name, value in means.items() if pd.notna(value)}
    controls = {name: value for name, value in known.items() if name in names.CONTROLS}
    trained = [name for name in names.ordered(known) if name not in (*names.CONTROLS, names.MEAN_GUESS)]
    if not controls or not trained:
        return ""
    sign = 1 if higher_is_better else -1
    best = max(controls, key=lambda name: sign * controls[name])
    beaten = [name for name in trained if sign * known[name] <= sign * controls[best]]
    control = f"{names.title(best)} ({quantity} {rounded(controls[best])})"
    if not beaten:
        return f"Controls: every trained system is better on average than the best control, {control}."
    return (
        f"Controls: on average, the best control, {control}, is at least as good as "
        f"{', '.join(names.title(name) for name in beaten)}."
    )

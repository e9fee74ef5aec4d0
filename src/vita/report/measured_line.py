"""A measured value in words: what the README's results and the check of a default run are made of."""

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from vita.runtime.errors import UserError


@dataclass(frozen=True)
class Line:
    """A measured value in words, its aim, and whether the aim was reached; `reached` is None without an aim."""

    name: str
    value: str
    aim: str = ""
    reached: bool | None = None


def read(path: Path) -> pd.DataFrame:
    """A table of the results, Parquet or CSV.

    Raises:
        UserError: the run has not made it.
    """
    if not path.is_file():
        raise UserError(f"no {path}: the measured values are those of a finished default run; run `snakemake` first")
    return pd.read_parquet(path) if path.suffix == ".parquet" else pd.read_csv(path)


def joined(values: pd.Series, decimals: int = 2) -> str:
    """Names and values in one phrase."""
    return ", ".join(f"{name} {value:.{decimals}f}" for name, value in values.items())


def markdown(lines: list[Line]) -> str:
    """The lines as a Markdown table of text cells, none of them right-aligned."""
    verdicts = {True: "yes", False: "no", None: ""}
    rows = [(each.name, each.value, each.aim, verdicts[each.reached]) for each in lines]
    header = [("measured", "value", "aim", "reached"), ("---",) * 4]
    return "".join(f"| {' | '.join(row)} |\n" for row in [*header, *rows])

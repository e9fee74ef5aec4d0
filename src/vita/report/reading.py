"""Files of numbers from which tables and figures are made: checks that a file exists and has the columns that are
read.
"""

from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from vita.runtime.errors import UserError


def read_numbers(path: Path, columns: Iterable[str], kind: str, rule: str, otherwise: str = "") -> pd.DataFrame:
    """A CSV file.

    Args:
        path: of the file.
        columns: that it must have; others may be there too.
        kind: what the file is, for the error.
        rule: which rule writes it, for the error.
        otherwise: what a missing column means, for the error.

    Raises:
        UserError: there is no such file, or a column is missing.
    """
    if not path.is_file():
        raise UserError(f"no {kind} {path}: run the rule {rule}")
    table = pd.read_csv(path)
    missing = [name for name in columns if name not in table.columns]
    if missing:
        raise UserError(f"{path} has no column {', '.join(missing)}{': ' if otherwise else ''}{otherwise}")
    return table

"""Who is in which split, as the rule split_cohort wrote it."""

from pathlib import Path

import pandas as pd

from vita.runtime.errors import UserError


def read_split(path: Path) -> pd.Series:
    """Split of each participant, indexed by eid in ascending order.

    Raises:
        UserError: there is no file, a column is missing, a participant is repeated, or a split has another name.
    """
    if not path.is_file():
        raise UserError(f"no split file {path}; run the rule that makes the split first")
    table = pd.read_parquet(path)
    if missing := {"eid", "split"} - set(table.columns):
        raise UserError(f"{path} has no column {', '.join(sorted(missing))}; it needs eid and split")
    if table["eid"].duplicated().any():
        raise UserError(f"{path} repeats {int(table['eid'].duplicated().sum())} participants")
    if unknown := set(table["split"]) - {"train", "val", "test"}:
        raise UserError(f"{path} has the split {sorted(map(str, unknown))[0]!r}; known are train, val and test")
    return table.set_index("eid")["split"].sort_index()

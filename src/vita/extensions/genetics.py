"""Files for genome-wide studies of the directions: phenotypes and covariates in the format of regenie and PLINK 2. One
row per participant, with the id as both `FID` and `IID` and `NA` for unknown values. The files hold data of single
people and must stay inside. Withdrawn participants are in none of the tables from which they are made.
"""

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from vita.extensions.regressions import rank_normal
from vita.runtime.atomic import replacing

_NOT_A_NAME = re.compile("[^A-Za-z0-9_]+")


def names_for_tools(titles: Sequence[str]) -> list[str]:
    """Titles as unique names of letters, digits and underscores, which both tools accept."""
    plain = [_NOT_A_NAME.sub("_", title).strip("_") for title in titles]
    return [name if plain.count(name) == 1 else f"{name}_{place + 1}" for place, name in enumerate(plain)]


def write(eids: pd.Index, values_nd: np.ndarray, titles: Sequence[str], path: Path, normal: bool) -> None:
    """Write a file of phenotypes or covariates.

    Args:
        eids: participants.
        values_nd: (participants, columns), NaN where unknown.
        titles: of the columns.
        path: text file to write.
        normal: transform each column to normal ranks.
    """
    values = [rank_normal(column) if normal else column for column in values_nd.T]
    table = pd.DataFrame(dict(zip(names_for_tools(titles), values, strict=True)), index=range(len(eids)))
    table.insert(0, "FID", eids.to_numpy())
    table.insert(1, "IID", eids.to_numpy())
    with replacing(path) as part:
        table.to_csv(part, sep=" ", na_rep="NA", index=False, float_format="%.6g")

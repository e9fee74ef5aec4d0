"""Files for genome-wide studies of the directions: phenotypes and covariates as regenie and PLINK 2 read them.

A row per participant, `FID` and `IID` both the participant's id, `NA` where a value is unknown. They hold rows of
people: they stay inside. Withdrawn participants are in none of the tables that they are made of.
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
    """Titles as names that both tools take: letters, digits and underscores, each once."""
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

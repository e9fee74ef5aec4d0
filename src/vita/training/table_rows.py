"""The encoded table of the participants of a split, beside their images."""

from pathlib import Path

import numpy as np
import pandas as pd
import torch

from vita.runtime.errors import UserError
from vita.tabular.encoder import Encoder
from vita.training.data import Samples


def add_table(samples: Samples, encoded: Path, encoder: Encoder) -> None:
    """Add `numbers` and `classes` of each participant's table row to the batches.

    Raises:
        UserError: there is no table, or a feature or a participant is missing from it.
    """
    if not encoded.is_file():
        raise UserError(f"no encoded table {encoded}; run the rule that encodes the table first")
    table = pd.read_parquet(encoded).set_index("eid")
    names = {feature.name: feature.kind == "numerical" for feature in encoder.features}
    if missing := [name for name in names if name not in table.columns]:
        raise UserError(f"{encoded} has no column '{missing[0]}', which encoder.json lists; encode the table again")
    absent = int((~pd.Index(samples.eids).isin(table.index)).sum())
    if absent:
        raise UserError(
            f"{encoded} has no row for {absent} of the {len(samples)} participants of the split; encode the table again"
        )
    rows = table.loc[samples.eids]
    numbers = rows[[name for name, numerical in names.items() if numerical]].to_numpy(np.float32, copy=True)
    classes = rows[[name for name, numerical in names.items() if not numerical]].to_numpy(np.int64, copy=True)
    samples.add("numbers", torch.from_numpy(numbers))
    samples.add("classes", torch.from_numpy(classes))

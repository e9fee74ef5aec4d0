"""Parts of the labels: who remains in training and validation if only some participants have labels.

    python -m vita.extensions.label_shares --split results/cohort/split.parquet --percent 10
        --settings '{"seed": 2025}' --output results/label_efficiency/splits/10.parquet

writes the split without those whose labels are left out. The test split stays whole.
"""

from pathlib import Path

import numpy as np

from vita.cohort.split_table import read_split
from vita.config.blocks import needed
from vita.names import LABEL_PERCENTS
from vita.runtime import cli
from vita.runtime.atomic import replacing

DRAWS = 3  # of every percentage but the whole
LEFT_OUT = "left out"


def parts(split_n: np.ndarray, percent: int, draw: int, seed: int) -> np.ndarray:
    """The split with a part of training and validation left out; that of a smaller percentage is a subset of it.

    Args:
        split_n: (participants,) train, val or test.
        percent: how much stays.
        draw: which of several.
        seed: of the run.
    """
    found = split_n.astype(object)
    for place, name in enumerate(("train", "val")):
        own = np.flatnonzero(split_n == name)
        order = np.random.default_rng([seed, draw, place]).permutation(own)
        found[order[int(np.ceil(own.size * percent / 100)) :]] = LEFT_OUT
    return found


def main(arguments: list[str] | None = None) -> None:
    """Command line; see the module's docstring."""
    parser = cli.parser(__doc__)
    parser.add_argument("--split", required=True, type=Path, help="split.parquet")
    parser.add_argument("--percent", required=True, type=int, choices=LABEL_PERCENTS, help="how much stays")
    parser.add_argument("--output", required=True, type=Path, help="split to write, parquet")
    cli.add_settings(parser, "seed")
    args = parser.parse_args(arguments)
    split = read_split(args.split)
    kept = parts(split.to_numpy(), args.percent, 0, needed(args.settings, "seed"))
    with replacing(args.output) as path:
        split[kept != LEFT_OUT].reset_index().to_parquet(path, index=False)


if __name__ == "__main__":
    cli.run(main)

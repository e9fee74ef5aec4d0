"""Quality control to look at: planes of a sample of participants at end-diastole, with masks and broken rules.

Half of the sample, or as many as there are, are participants who break a rule of quality control; the rest is drawn at
random. Rows are numbered; no participant is named.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from vita.config.blocks import needed
from vita.images.shards import ShardReader
from vita.report.figures import mosaic, style
from vita.runtime import cli

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_VIEWS = {"sa": "short axis", "la_2ch": "2-chamber", "la_3ch": "3-chamber", "la_4ch": "4-chamber"}


def broken_rules(rows: np.ndarray | None) -> list[str]:
    """View and rule of each broken rule in words, from a cell of the shard table's column `quality`."""
    broken = [row for row in (rows if rows is not None else []) if row["broken"]]
    return [f"{_VIEWS[row['view']]}: {row['rule'].replace('_', ' ')}" for row in broken]


def sample(table: pd.DataFrame, size: int, seed: int) -> pd.DataFrame:
    """Rows of usable participants: up to half with broken rules, the rest from all others."""
    usable = table[table["usable"]]
    broken = usable["quality"].map(lambda rows: bool(broken_rules(rows))).astype(bool)
    rng = np.random.default_rng(seed)
    chosen: list[int] = []
    for group, wanted in ((usable.index[broken], size // 2), (usable.index[~broken], size)):
        count = min(len(group), wanted, size - len(chosen))
        chosen += list(rng.choice(group, count, replace=False)) if count else []
    return usable.loc[chosen]


def draw(reader: ShardReader, chosen: pd.DataFrame) -> Figure:
    """A row per participant, a column per shown plane."""
    names = ["\n".join([str(number), *broken_rules(rows)[:3]]) for number, rows in enumerate(chosen["quality"], 1)]
    figure, cells = mosaic.grid(names or ["none"], list(mosaic.SHOWN_PLANES.values()), mosaic.LEGEND_INCHES)
    for axes_of_row, eid, present in zip(cells, chosen["eid"], chosen["planes_present"], strict=False):
        voxels, masks = reader.voxels(eid, [0]), reader.masks(eid, [0])
        for axes, plane in zip(axes_of_row, mosaic.SHOWN_PLANES, strict=True):
            if not present[plane]:
                mosaic.note(axes, "not scanned")
                continue
            mosaic.picture(axes, mosaic.stretched(voxels[plane, 0], voxels[plane, 0]))
            mosaic.outline(axes, masks[plane, 0])
    mosaic.legend(figure)
    return figure


def describe(chosen: pd.DataFrame) -> pd.DataFrame:
    """What was measured for the participants drawn: `row`, `view`, `rule`, `value`, `limit`, `broken`."""
    rows = [
        {"row": number, **measured}
        for number, cell in enumerate(chosen["quality"], 1)
        for measured in (cell if cell is not None else [])
    ]
    return pd.DataFrame(rows, columns=["row", "view", "rule", "value", "limit", "broken"])


def main(arguments: list[str] | None = None) -> None:
    """Command line; see the module's docstring."""
    parser = cli.parser(__doc__)
    parser.add_argument("--shards", type=Path, nargs="+", required=True, help="voxels of all shards")
    parser.add_argument("--participants", type=int, default=6, help="rows of the figure")
    style.add_common(parser)
    args = parser.parse_args(arguments)
    style.apply()
    reader = ShardReader(args.shards)
    chosen = sample(reader.table, args.participants, needed(args.settings, "seed"))
    style.save(draw(reader, chosen), describe(chosen), style.Files.of(vars(args)))


if __name__ == "__main__":
    cli.run(main)

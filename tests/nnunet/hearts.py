"""A few hearts in a shard, with other labels and gaps on each view, to be sent to nnU-Net and back."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from vita.images.build_shard import SCHEMA
from vita.images.shards import ShardWriter, write_table

PLANES, FRAMES, SIZE, WANTED = 9, 6, (20, 24), 3
SPLITS = ["train"] * 4 + ["val"] * 2 + ["test"] * 3
EIDS = 4_000_001 + np.arange(len(SPLITS))
CLASSES = {0: (4,), 2: (1, 2, 3, 4, 5), **dict.fromkeys(range(3, 9), (1, 2, 3))}


@dataclass(frozen=True)
class Hearts:
    """Paths and what lies in them: voxels and classes by eid, (plane, time, row, column)."""

    shard: Path
    split: Path
    voxels: dict[int, np.ndarray]
    classes: dict[int, np.ndarray]


def make(folder: Path, crops_leave_the_image: bool = True) -> Hearts:
    """Write shard and split.

    The first participant has no masks, the fifth no two-chamber view, the second an unannotated frame 2.
    """
    generator = np.random.default_rng(3)
    voxels = {int(eid): generator.integers(0, 900, (PLANES, FRAMES, *SIZE)).astype(np.int16) for eid in EIDS}
    classes = {eid: _classes(generator, crops_leave_the_image) for eid in voxels}
    classes[int(EIDS[0])][:] = 255
    classes[int(EIDS[1])][:, 2] = 255
    rows = []
    with ShardWriter(folder / "00000.npz") as writer:
        for row, eid in enumerate(voxels):
            there = np.array([plane != 0 or row != 4 for plane in range(PLANES)])
            if not there.all():
                voxels[eid][~there], classes[eid][~there] = 0, 255
            record = {"eid": eid, "row": row, "usable": True, "has_masks": True, "planes_present": there.tolist()}
            record |= {"range_low": [0.0] * PLANES, "range_high": [900.0] * PLANES}
            record |= {"spacing_row_mm": np.where(there, 2.5, 0).tolist()}
            record |= {"spacing_column_mm": np.where(there, 1.5, 0).tolist()}
            rows.append(record | writer.add(row, voxels[eid], classes[eid]))
    write_table(rows, SCHEMA, folder / "00000.parquet", {})
    pd.DataFrame({"eid": EIDS, "split": SPLITS}).to_parquet(folder / "split.parquet", index=False)
    return Hearts(folder / "00000.npz", folder / "split.parquet", voxels, classes)


def _classes(generator: np.random.Generator, crops_leave_the_image: bool) -> np.ndarray:
    out = np.full((PLANES, FRAMES, *SIZE), 255, np.uint8)
    for plane, known in CLASSES.items():
        out[plane] = generator.choice([0, *known], (FRAMES, *SIZE))
    if crops_leave_the_image:
        out[:, :, :2] = 255
    return out

"""Which scans `vita predict` doubts: test participants as they are, with one view turned, or with two views exchanged.

VITA_RESULTS=results python -m pytest tests/benchmarks/test_doubted.py -m benchmark -s

Turned planes keep their header, as after a wrong conversion; exchanged views are files under each other's name.
"""

import os
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from benchmarks import written
from vita.apply import doubts, models, reading, typical, upright, ways
from vita.apply.decisions import FILE, read_decisions
from vita.images.folders import Found, find_participants
from vita.training.sections import sections_of

RESULTS = Path(os.environ.get("VITA_RESULTS", "results"))
REAL = Path(__file__).parents[3] / "shared" / "data" / "real"
LONG = tuple(upright.GROUPS[0])
MOST_UPRIGHT, LEAST_WRONG = 0.05, 0.95
pytestmark = [
    pytest.mark.benchmark,
    pytest.mark.skipif(
        not (RESULTS / "models" / FILE).is_file(), reason="VITA_RESULTS names no folder of a finished default run"
    ),
]


class Judge:
    """The doubts about a scan as a whole, as `vita predict` finds them."""

    def __init__(self) -> None:
        self.decisions = read_decisions(RESULTS / "models")
        self.settings = reading.image_settings(self.decisions)
        self.encoder = models.load_embedder(RESULTS / "models" / models.EMBEDDING_STAGE / self.decisions["system"])

    def read(self, found: Found, views: Sequence[str] | None = None) -> reading.Scan:
        """A scan; of a heart without all views, those that it has."""
        settings = replace(self.settings, required_views=list(views)) if views else self.settings
        return reading.read_scan(found, settings, self.decisions["seen"], self.encoder.settings.frames)

    def doubts(self, scan: reading.Scan, cine_sthw: np.ndarray) -> list[str]:
        sizes = self.encoder.settings
        (frames,) = sections_of(cine_sthw.shape[1], sizes.frames, sizes.sampling, "one").in_turn
        image = torch.from_numpy(np.ascontiguousarray(cine_sthw[:, frames]))[None]
        vectors = {
            "intensity": typical.intensity_vector(cine_sthw),
            "geometry": typical.geometry_vector(scan.record),
            "appearance": models.image_vectors(self.encoder, image, torch.device("cpu"))[0],
        }
        record = self.decisions["typical"]
        found = doubts.of_views(scan.images) + typical.unusual(record, vectors)
        return found + upright.turned(record["upright"], cine_sthw, scan.images)


def _turned(cine_sthw: np.ndarray) -> Iterator[tuple[str, np.ndarray]]:
    for view, planes in upright.PLANES_OF_VIEW.items():
        for way in range(1, ways.WAYS):
            changed = cine_sthw.copy()
            changed[planes] = ways.turn(cine_sthw[planes], way)
            yield view, changed


def test_wrong_scans_are_doubted_and_right_ones_are_not() -> None:
    judge, rows = Judge(), []
    split = pd.read_parquet(RESULTS / "cohort" / "split.parquet").set_index("eid")["split"]
    people = find_participants(RESULTS / "phantom" / "scans", set(), 2)
    for eid in split.index[split == "test"]:
        found = people[eid]
        scan = judge.read(found)
        rows.append(("as they are", bool(judge.doubts(scan, scan.cine_sthw))))
        rows += [(f"{view} turned", bool(judge.doubts(scan, cine))) for view, cine in _turned(scan.cine_sthw)]
        for first, second in combinations(LONG, 2):
            files = {name: path for name, path in found.files.items() if not name.startswith("seg")}
            names = f"{first}.nii.gz", f"{second}.nii.gz"
            files |= {names[0]: files[names[1]], names[1]: files[names[0]]}
            swapped = judge.read(replace(found, files=files))
            rows.append(("views exchanged", bool(judge.doubts(swapped, swapped.cine_sthw))))
    table = pd.DataFrame(rows, columns=["scan", "doubted"]).groupby("scan")["doubted"].agg(["mean", "sum", "count"])
    print(table)
    written.write("doubted", table.reset_index().to_dict("records"))
    changed = table.drop(index="as they are")
    assert table.loc["as they are", "mean"] <= MOST_UPRIGHT
    assert changed["sum"].sum() / changed["count"].sum() >= LEAST_WRONG


@pytest.mark.skipif(not REAL.is_dir(), reason=f"{REAL} with two real hearts is not here")
def test_real_hearts_are_doubted() -> None:
    judge = Judge()
    for folder in sorted(path for path in REAL.iterdir() if path.is_dir()):
        files = {path.name: str(path) for path in folder.glob("*.nii.gz") if not path.name.startswith("seg")}
        scan = judge.read(Found(folder.name, files=files), [name.split(".")[0] for name in files])
        why = judge.doubts(scan, scan.cine_sthw)
        print(folder.name, why)
        assert why
        assert all(judge.doubts(scan, cine) for view, cine in _turned(scan.cine_sthw) if view in scan.images)

"""What adaptation does with and without agreement of views, on phantoms that it did not learn from.

`python -m pytest tests/contouring/test_cross_view_numbers.py -m benchmark -s` prints the numbers of the guide, in some
ten minutes of a core for each row.
"""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

import filled
from contouring import hearts
from contouring.test_drawing import shortened
from vita.config.blocks import whole
from vita.contouring import adapt_contours, network
from vita.contouring.agreement import SHIFTS_MM, folded, seen
from vita.contouring.crossing import crossing
from vita.contouring.drawing import draw_view
from vita.contouring.pictures import GRID_MM
from vita.contouring.taking import read_pictures
from vita.contouring.teaching import plain_drawing
from vita.images.folders import find_participants
from vita.images.layout import LABP, LVBP, LVMYO, RABP, RVBP
from vita.phantom.people import draw_people
from vita.phantom.scans import make_batch

LEARNT, JUDGED, STEPS = 20, 12, 200
PHANTOM_SEED = 31  # of phantoms on which the default was chosen
TRIED = ((0.0,), SHIFTS_MM)
STRUCTURES = {"sa": (LVBP, LVMYO, RVBP), "la_2ch": (LABP,), "la_4ch": (LVBP, LVMYO, RVBP, LABP, RABP)}


@pytest.fixture(scope="module")
def scans(tmp_path_factory):
    """A folder of people to learn from, and the folders of others."""
    root = tmp_path_factory.mktemp("phantoms")
    settings = filled.phantom(seed=PHANTOM_SEED, participants=200, broken_scans=0, withdrawn=0)
    people = draw_people(settings).head(LEARNT + JUDGED)
    make_batch(people.head(LEARNT), settings, root / "learnt")
    make_batch(people.tail(JUDGED), settings, root / "judged")
    return root / "learnt", sorted((root / "judged").iterdir())


def adapted(scans: Path, output: Path, cross_view: str, seed: int) -> Path:
    """Weights that went on learning on all of these scans."""
    masks = {"source": "model", "adapt": {"steps": STEPS, "people": LEARNT, "cross_view": cross_view}}
    own = whole(images={"instance": 2, "masks": masks}, split={"val": 0.1, "test": 1e-6, "held_out": 1e-6}, seed=seed)
    settings = json.dumps({name: own[name] for name in ("seed", "split", "images")})
    adapt_contours.main(["--scans", str(scans), "--settings", settings, "--output", str(output)])
    return output


def numbers(weights: Path | None, folders: list[Path]) -> str:
    """Dice of each structure and error of volumes, at end-diastole and end-systole."""
    drawer = network.load(weights) if weights else network.load()
    lines, volumes = [], []
    for view, names in STRUCTURES.items():
        scores = []
        for folder in folders:
            image = hearts.read(folder, view)
            true = hearts.true_classes(folder, image)
            curve = (true == (LVBP if view == "sa" else LABP)).sum(axis=(1, 2, 3))
            last = int(curve.argmin() if view == "sa" else curve.argmax())
            chosen = [0, last]
            short = shortened(image, slice(0, last + 1, last))
            drawn = draw_view(drawer, short).classes_tsyx
            scores.append([[hearts.dice(drawn[n], true[t], name) for name in names] for n, t in enumerate(chosen)])
            if view == "sa":
                volumes.append([[(each == name).sum() for name in (LVBP, RVBP)] for each in (*drawn, *true[chosen])])
        for moment, mean in zip(("ED", "ES"), np.mean(scores, axis=0), strict=True):
            lines.append(f"{view} {moment}: " + ", ".join(f"{each:.3f}" for each in mean))
    counts = np.array(volumes, float).reshape(len(folders), 2, 2, 2)  # heart, (drawn, true), moment, ventricle
    error = 100 * (counts[:, 0] / counts[:, 1] - 1).mean(axis=0)
    fractions = 100 * (1 - counts[:, :, 1] / counts[:, :, 0])
    lines.append(f"LV volume ED, ES: {error[0, 0]:+.1f}, {error[1, 0]:+.1f} %")
    lines.append(f"RV volume ED, ES: {error[0, 1]:+.1f}, {error[1, 1]:+.1f} %")
    lines.append("EF LV, RV: " + ", ".join(f"{each:+.1f}" for each in (fractions[:, 0] - fractions[:, 1]).mean(axis=0)))
    return "\n".join(lines)


def agreement(weights: Path | None, folder: Path, sd_mm: float = 0.0, shifts_mm: tuple[float, ...] = (0.0,)) -> float:
    """Share of the heart's pixels near the lines where views cross that both views draw alike.

    Args:
        weights: that draw; by default the package's.
        folder: of scans.
        sd_mm: by which short-axis slices are shifted in their planes, along rows and along columns.
        shifts_mm: along a line that are looked at.
    """
    drawer = network.load(weights) if weights else network.load()
    settings = filled.images(masks={"source": "model"})
    rows = adapt_contours._rows(find_participants(folder, frozenset(), 2), settings)
    own = read_pictures(rows, settings, drawer, np.random.default_rng(1), together=True)
    rng = np.random.default_rng(2)
    for number in torch.nonzero(own.views_n == 0)[:, 0]:
        affine = own.places.affines_n44[number]
        affine[:3, 3] += affine[:3, 1:3] @ torch.from_numpy(rng.normal(0, sd_mm / GRID_MM, 2))
    drawn = plain_drawing(drawer, own)
    one, other = crossing(own.places, torch.arange(len(own)))
    shared = own.part(one).possible_nc & own.part(other).possible_nc
    shared[:, 0] = False
    mine, theirs = (folded(drawn[numbers], shared) for numbers in (one, other))
    told, near = seen(mine, theirs, own.places.part(one), own.places.part(other), shifts_mm)
    heart = near & ((mine.argmax(dim=1) > 0) | (told.argmax(dim=1) > 0))
    return float((mine.argmax(dim=1) == told.argmax(dim=1))[heart].float().mean())


@pytest.mark.benchmark
def test_shifts_of_breath_holds_are_found(scans):
    folder = scans[1][0].parent
    found = {(sd_mm, len(shifts)): agreement(None, folder, sd_mm, shifts) for sd_mm in (0, 3) for shifts in TRIED}
    print("\ndrawn alike, by shift (SD, mm) and number of shifts looked at:", found)
    assert found[3, 1] < found[3, len(SHIFTS_MM)]


@pytest.mark.benchmark
@pytest.mark.parametrize(
    ("cross_view", "seed"), [("package", 0), *((how, seed) for seed in (7, 8) for how in ("none", "mask", "mean"))]
)
def test_numbers_of_the_guide(scans, tmp_path, cross_view, seed):
    weights = None
    if cross_view != "package":
        weights = adapted(scans[0], tmp_path / "contours.safetensors", cross_view, seed)
    found = numbers(weights, scans[1])
    print(f"\n{cross_view}, seed {seed}\n{found}")
    print(f"drawn alike where views cross: {agreement(weights, scans[1][0].parent):.3f}")
    assert "nan" not in found

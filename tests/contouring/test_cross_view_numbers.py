"""What adaptation does with and without agreement of views, on phantoms that it did not learn from.

`python -m pytest tests/contouring/test_cross_view_numbers.py -m benchmark -s` prints the numbers of the guide, in some
ten minutes of a core for each row.
"""

import json
from pathlib import Path

import numpy as np
import pytest

import filled
from contouring import hearts
from contouring.test_drawing import shortened
from vita.config.blocks import whole
from vita.contouring import adapt_contours, network
from vita.contouring.drawing import draw_view
from vita.images.layout import LABP, LVBP, LVMYO, RABP, RVBP
from vita.phantom.people import draw_people
from vita.phantom.scans import make_batch

LEARNT, JUDGED, STEPS, SEED = 20, 12, 200, 7
PHANTOM_SEED = 31  # of phantoms on which the default was chosen
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


def adapted(scans: Path, output: Path, cross_view: str) -> Path:
    """Weights that went on learning on all of these scans."""
    masks = {"source": "model", "adapt": {"steps": STEPS, "people": LEARNT, "cross_view": cross_view}}
    own = whole(images={"instance": 2, "masks": masks}, split={"val": 0.1, "test": 1e-6, "held_out": 1e-6}, seed=SEED)
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


@pytest.mark.benchmark
@pytest.mark.parametrize("cross_view", ["package", "none", "mask", "mean"])
def test_numbers_of_the_guide(scans, tmp_path, cross_view):
    weights = None
    if cross_view != "package":
        weights = adapted(scans[0], tmp_path / "contours.safetensors", cross_view)
    found = numbers(weights, scans[1])
    print(f"\n{cross_view}\n{found}")
    assert "nan" not in found

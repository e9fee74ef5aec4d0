"""Hearts along directions of the image's features: how the average heart changes with what a direction stands for.

    python -m vita.extensions.directions --features probe_vita=results/controls/probe_vita.parquet
        --shards results/images/shards/00000.npz ... --split results/cohort/split.parquet
        --phenotypes results/images/phenotypes.parquet --fields results/cohort/fields.parquet
        --settings '{"seed": 2025, "model": {...}, "training": {...}, "stage": {...}}'
        --images results/associations/direction_images.npz --output results/associations/directions.csv

A direction is the prediction of a number (LVEDV, LVEF, age, BMI) from the features by ridge regression, or their first
principal component, in SD of the training participants, to whom it was fitted. Along it every voxel is a linear
regression on the direction over the training participants, a decoder that cannot invent anatomy: its values at -2, 0
and 2 SD are the images. (Stage I's decoder only fills in hidden patches; from averaged tokens it draws their edges.)
No image shows a person: each is a weighted mean in which nobody has a weight above a tenth, or the direction is not
drawn. The CSV has, of each direction, how well it predicts its number on the test split, the number's mean at each
step, and how much each picture changes.
"""

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from vita.cohort.split_table import read_split
from vita.config.blocks import needed
from vita.extensions.hazard_models import components
from vita.extensions.inputs import read_features, read_fields
from vita.runtime import cli
from vita.runtime.atomic import replacing
from vita.runtime.privacy import SMALLEST_COUNT

if TYPE_CHECKING:
    from vita.training.data import Samples

log = logging.getLogger(__name__)
STEPS = (-2.0, 0.0, 2.0)  # SD
COMPONENT = "PC 1"
MOST_PEOPLE = 2000  # of the training split whose images are averaged; more change nothing that is seen
BATCH = 64
SYSTOLE = 0.36  # of the cycle after end-diastole, about which hearts are smallest
# numbers that are predicted along directions: their names, titles and units
NUMBERS = {
    "LVEDV": ("LVEDV", "ml"),
    "LVEF": ("LVEF", "%"),
    "age": ("Age", "years"),
    "bmi": ("BMI", "kg/m²"),
}
# planes of the whole heart that are drawn, and whether at end-diastole or in systole
PANELS = (
    ("4-chamber, end-diastole", 2, False),
    ("Short axis, end-diastole", 5, False),
    ("Short axis, systole", 5, True),
)
COLUMNS = ["direction", "title", "unit", "n", "r", "n_test", "low", "middle", "high", "panel", "change", "note"]
FEW = f"fewer than {SMALLEST_COUNT} people with it, or one of them would weigh more than a tenth"


@dataclass(frozen=True)
class Direction:
    """A direction of the features.

    Attributes:
        name: of the number, or of the component.
        place_n: (participants,) where everybody is along it, with mean 0 and SD 1 in training.
        truth_n: (participants,) the number, NaN where unknown and for a component.
    """

    name: str
    place_n: np.ndarray
    truth_n: np.ndarray


def directions(features_nf: np.ndarray, numbers: Mapping[str, np.ndarray], split_n: np.ndarray) -> list[Direction]:
    """Directions of the features of an encoder, fitted to training.

    Numbers that fewer than ten people in training have, or that do not vary, have none.

    Args:
        features_nf: (participants, features), NaN where unknown.
        numbers: (participants,) of each name, NaN where unknown.
        split_n: (participants,) train, val or test.
    """
    from vita.training.closed_form import fit_number, standardised  # start-up: scikit-learn

    train = split_n == "train"
    scaled, found = standardised(features_nf, train), []
    for name, truth_n in numbers.items():
        known = truth_n[train & ~np.isnan(truth_n)]
        if scaled.shape[1] and known.size >= SMALLEST_COUNT and np.ptp(known) > 0:
            found.append((name, fit_number(scaled, truth_n, split_n)(scaled)[:, 0], truth_n))
    first = components(features_nf, train, 1)
    if first.shape[1]:
        found.append((COMPONENT, first[:, 0] * _sign(first[:, 0]), np.full(len(split_n), np.nan)))
    spread = [(place_n[train].mean(), place_n[train].std()) for _, place_n, _ in found]
    return [
        Direction(name, (place_n - mean) / sd, truth_n)
        for (name, place_n, truth_n), (mean, sd) in zip(found, spread, strict=True)
        if sd > 0
    ]


def _sign(values_n: np.ndarray) -> float:
    """The sign of the longer tail, so that a component's does not depend on the decomposition."""
    return 1.0 if (values_n**3).sum() >= 0 else -1.0


def weights(place_n: np.ndarray) -> np.ndarray:
    """(steps, people) the weight of each person in the regression's value at each step; they sum to 1.

    Args:
        place_n: (people,) along the direction.
    """
    centred = place_n - place_n.mean()
    steps = np.array(STEPS)[:, None] - place_n.mean()
    found: np.ndarray = 1 / len(place_n) + steps * centred / (centred**2).sum()
    return found


def shows_nobody(weights_sn: np.ndarray) -> bool:
    """Whether at least ten people are in each mean, and none has a weight above a tenth in any."""
    return weights_sn.shape[1] >= SMALLEST_COUNT and float(np.abs(weights_sn).max()) <= 1 / SMALLEST_COUNT


def panels(frames: int) -> list[tuple[str, int, int]]:
    """Name, plane and frame of each picture; one whose moment is the same as another's is left out."""
    systole = round(SYSTOLE * frames) if frames > 1 else 0
    return [(name, plane, systole if late else 0) for name, plane, late in PANELS if not late or systole]


def draw(samples: "Samples", rows: Sequence[int], weights_dsn: np.ndarray, frames: int) -> np.ndarray:
    """Weighted means of people's images: (directions, steps, panels, height, width).

    Args:
        samples: of the training split.
        rows: the people's places in `samples`.
        weights_dsn: (directions, steps, people) in the order of `rows`.
        frames: of a sample.
    """
    from vita.training.batches import loader  # start-up: PyTorch

    shown = panels(frames)
    batches = [list(rows[start : start + BATCH]) for start in range(0, len(rows), BATCH)]
    total, done = np.zeros(()), 0
    for batch in loader(samples, [[(row, 0) for row in own] for own in batches]):
        pictures = np.stack([batch["images"][:, plane, frame].numpy() for _, plane, frame in shown], axis=1)
        own = weights_dsn[:, :, done : done + len(pictures)]
        total = total + np.einsum("dsn,nphw->dsphw", own, pictures.astype(np.float64))
        done += len(pictures)
    return np.asarray(total)


def numbers_of(phenotypes: pd.DataFrame, fields: pd.DataFrame) -> dict[str, np.ndarray]:
    """Those of NUMBERS that a run has, (participants,) each."""
    found = {}
    for name in NUMBERS:
        table = next((table for table in (phenotypes, fields) if name in table), None)
        if table is not None:
            found[name] = table[name].astype("Float64").to_numpy(dtype=float, na_value=np.nan)
    return found


def described(
    direction: Direction, weights_sn: np.ndarray, people: np.ndarray, split_n: np.ndarray
) -> dict[str, object]:
    """A direction's numbers: r on the test split, and its number's mean at each step.

    Args:
        direction: it.
        weights_sn: (steps, people).
        people: places of the people that are averaged.
        split_n: (participants,) train, val or test.
    """
    title, unit = NUMBERS.get(direction.name, (direction.name, ""))
    about: dict[str, object] = {"direction": direction.name, "title": title, "unit": unit, "n": len(people)}
    test = (split_n == "test") & ~np.isnan(direction.truth_n)
    about["n_test"] = int(test.sum())
    if test.sum() >= SMALLEST_COUNT and np.ptp(direction.truth_n[test]) > 0:
        about["r"] = float(np.corrcoef(direction.place_n[test], direction.truth_n[test])[0, 1])
    known = ~np.isnan(direction.truth_n[people])
    if known.sum() >= SMALLEST_COUNT:
        own = weights(direction.place_n[people][known]) if not known.all() else weights_sn
        at_steps = own @ direction.truth_n[people][known]
        about |= dict(zip(("low", "middle", "high"), at_steps, strict=True))
    return about


def rows_of(about: Mapping[str, object], pictures_sphw: np.ndarray, frames: int) -> Iterator[dict[str, object]]:
    """A row per picture of a direction: root mean square of its change from the first step to the last."""
    for place, (name, _, _) in enumerate(panels(frames)):
        change = pictures_sphw[-1, place] - pictures_sphw[0, place]
        yield {**about, "panel": name, "change": float(np.sqrt((change**2).mean()))}


def main(arguments: list[str] | None = None) -> None:
    """Command line; see the module's docstring."""
    parser = cli.parser(__doc__)
    parser.add_argument("--features", nargs=1, required=True, metavar="CONTROL=FILE", help="features of the image")
    cli.add_samples(parser)
    parser.add_argument("--phenotypes", required=True, type=Path, help="phenotypes.parquet")
    parser.add_argument("--fields", required=True, type=Path, help="fields.parquet")
    parser.add_argument("--images", required=True, type=Path, help="npz to write: pictures, directions")
    parser.add_argument("--output", required=True, type=Path, help="CSV to write")
    cli.add_settings(parser, "seed and the blocks model, training, stage")
    args = parser.parse_args(arguments)
    from vita.training.session import open_session  # start-up: PyTorch

    split = read_split(args.split)
    split_n = split.to_numpy()
    (features_nf,) = read_features(cli.named_files(args.features, "--features"), split.index).values()
    phenotypes = pd.read_parquet(args.phenotypes).set_index("eid").reindex(split.index)
    found = directions(features_nf, numbers_of(phenotypes, read_fields(args.fields, split.index)), split_n)
    session = open_session("stage3", args.shards, args.split, args.settings)
    samples = session.samples(["train"], "predict", cached=False)
    chance = np.random.default_rng(needed(args.settings, "seed"))
    rows = np.sort(chance.permutation(len(samples))[:MOST_PEOPLE])
    people = split.index.get_indexer(samples.eids[rows])
    weighed = {each.name: weights(each.place_n[people]) for each in found}
    drawn = [each for each in found if shows_nobody(weighed[each.name])]
    frames, size = session.model.frames, session.model.size
    pictures = np.zeros((0, len(STEPS), len(panels(frames)), size, size))
    if drawn:
        pictures = draw(samples, rows.tolist(), np.stack([weighed[each.name] for each in drawn]), frames)
    table: list[dict[str, object]] = []
    for each, own in zip(drawn, pictures, strict=True):
        table += rows_of(described(each, weighed[each.name], people, split_n), own, frames)
    left_out = [name for name in (*NUMBERS, COMPONENT) if name not in {each.name for each in drawn}]
    table += [{"direction": name, "title": NUMBERS.get(name, (name,))[0], "note": FEW} for name in left_out]
    with replacing(args.images) as path:
        np.savez_compressed(
            path, allow_pickle=False, pictures=pictures.astype(np.float32), directions=[each.name for each in drawn]
        )
    with replacing(args.output) as path:
        pd.DataFrame(table).reindex(columns=COLUMNS).to_csv(path, index=False)
    log.info("drawn: %s; not drawn: %s", ", ".join(each.name for each in drawn), ", ".join(left_out) or "none")


if __name__ == "__main__":
    cli.run(main)

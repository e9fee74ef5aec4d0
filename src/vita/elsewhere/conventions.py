"""Check that another cohort uses the labels and units of the trained models; if it cannot, it is refused.

    python -m vita.elsewhere.conventions --models other/results/models --shards results/images/shards/*.parquet
        --phenotypes results/images/phenotypes.parquet --fields results/cohort/fields.parquet
        --targets workflow/resources/targets.tsv --output results/cohort/conventions.csv

Labels of masks: the wall must surround the cavity of the left ventricle in most of the masks. Units: the median of each
phenotype must be plausible for hearts, including sick ones, and that of any other number must be within 6 standard
deviations of the training mean. Order: ventricles are larger at end-diastole than at end-systole. Medians of fewer than
3 people are not used. Writes a row per check; a check that fails ends the run with its evidence, before anything is
predicted.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict

import numpy as np
import pandas as pd

from vita.runtime import cli
from vita.runtime.errors import UserError
from vita.runtime.privacy import shown_count

if TYPE_CHECKING:
    from vita.training.recorded import OfTarget

COLUMNS = ["check", "target", "people", "evidence", "passed"]
# medians of healthy and of sick cohorts; a single heart may be outside
POSSIBLE = {
    "LVEDV": (50, 400), "LVESV": (10, 350), "LVSV": (15, 200), "LVEF": (8, 90), "LVCO": (1.5, 15), "LVM": (30, 400),
    "RVEDV": (50, 450), "RVESV": (10, 350), "RVSV": (15, 200), "RVEF": (8, 90),
    "LAV max": (15, 300), "LAV min": (3, 280), "LASV": (3, 150), "LAEF": (2, 95),
    "RAV max": (15, 300), "RAV min": (3, 280), "RASV": (3, 150), "RAEF": (2, 95),
}  # fmt: skip
# factors by which a number may be wrong, and the unit that explains each
FACTORS = {
    1000: "a thousandth of the unit", 100: "a hundredth, or a share for a percentage", 10: "a tenth, or cm for mm",
    0.001: "a thousand times the unit", 0.01: "a percentage for a share, or a hundred times the unit",
    0.1: "ten times the unit, or mm for cm", 1 / 2.54: "inches for cm read the wrong way", 2.54: "inches for cm",
    0.4536: "pounds for kg", 1 / 18.0: "mg/dL for mmol/L", 7.5006: "kPa for mmHg",
}  # fmt: skip
FEWEST = 3
FAR_SD = 6.0
SWAPPED = "the wall surrounds"  # how the note of vita.images.masks begins


class Check(TypedDict):
    """A row of conventions.csv."""

    check: str
    target: str
    people: int | str
    evidence: str
    passed: bool


def main(arguments: list[str] | None = None) -> None:
    """Command line; see the module's docstring."""
    parser = cli.parser(__doc__)
    parser.add_argument("--models", type=Path, required=True, help="results/models of the run that trained")
    parser.add_argument("--shards", type=Path, nargs="+", required=True, help="tables of all shards")
    parser.add_argument("--phenotypes", type=Path, required=True, help="phenotypes.parquet")
    parser.add_argument("--fields", type=Path, help="fields.parquet; leave out for a run from scans alone")
    parser.add_argument("--targets", type=Path, required=True, help="targets.tsv, features.tsv beside it")
    parser.add_argument("--output", type=Path, required=True, help="CSV to write")
    args = parser.parse_args(arguments)
    from vita.images.shards import read_tables
    from vita.runtime.atomic import replacing

    phenotypes = pd.read_parquet(args.phenotypes)
    rows = [of_masks(read_tables(args.shards)), *of_phenotypes(phenotypes)]
    if args.fields:
        rows += of_fields(pd.read_parquet(args.fields), args.targets, args.models)
    found = pd.DataFrame([row for row in rows if row], columns=COLUMNS)
    refuse(found)
    with replacing(args.output) as path:
        found.to_csv(path, index=False)


def refuse(found: pd.DataFrame) -> None:
    """Stop if a check failed.

    Raises:
        UserError: with the evidence.
    """
    wrong = found[~found["passed"].astype(bool)]
    if len(wrong):
        raise UserError(
            "the labels or units of this cohort are not those of the models: " + "; ".join(wrong["evidence"][:4])
        )


def of_masks(shards: pd.DataFrame) -> Check | None:
    """The check of the labels in short-axis masks; None if nobody has a mask."""
    said = [() if notes is None else notes for notes in shards["notes"]]
    lines = [[str(note) for note in notes if SWAPPED in str(note)] for notes in said]
    swapped = sum(map(bool, lines))
    used = int((shards["has_masks"].eq(True) & ~np.array([bool(each) for each in lines], bool)).sum())
    if not swapped + used:
        return None
    wrong = swapped > used
    evidence = (
        f"the wall surrounds the left ventricle's cavity in the masks of {shown_count(used)} of those that have any"
    )
    if wrong:
        first = next(each[0] for each in lines if each)
        evidence = f"masks of {shown_count(swapped)} of {shown_count(swapped + used)}: {first}"
    return {"check": "labels", "target": "", "people": swapped + used, "evidence": evidence, "passed": not wrong}


def of_phenotypes(phenotypes: pd.DataFrame) -> Iterator[Check]:
    """One row per phenotype that enough people have, and one for the order of EDV and ESV."""
    for name, (low, high) in POSSIBLE.items():
        if name in phenotypes and (known := phenotypes[name].dropna().astype(float)).size >= FEWEST:
            middle = float(known.median())
            passed = low <= middle <= high
            evidence = (
                f"{name}: the median of {shown_count(known.size)} is {middle:.4g}, hearts have {low:g} to {high:g}"
            )
            hint = "" if passed else _hint(middle, float(np.sqrt(low * high)), low, high)
            yield _row("unit", name, known.size, evidence + hint, passed)
    for side in ("LV", "RV"):
        if {f"{side}EDV", f"{side}ESV"} <= set(phenotypes):
            both = phenotypes[[f"{side}EDV", f"{side}ESV"]].dropna().astype(float)
            smaller = int((both[f"{side}EDV"] < both[f"{side}ESV"]).sum())
            if len(both) >= FEWEST:
                evidence = f"{side}EDV is below {side}ESV in {shown_count(smaller)} of {shown_count(len(both))}"
                yield _row("order", f"{side}EDV", len(both), evidence, smaller <= len(both) / 2)


def of_fields(fields: pd.DataFrame, targets: Path, models: Path) -> Iterator[Check]:
    """One row per number of the table that a trained model knows: its median against the mean and spread in
    training.
    """
    from vita.names import MAIN_SYSTEM
    from vita.tabular.targets import read_targets, read_tasks
    from vita.training.recorded import OfTarget, read_recorded

    for task in read_tasks(targets):
        folder = models / task / MAIN_SYSTEM
        stored: Mapping[str, OfTarget] = read_recorded(folder)["targets"] if folder.is_dir() else {}
        for target in read_targets(targets, task):
            usable = target.source == "fields" and target.kind == "numerical" and target.name in stored
            if not usable or target.column not in fields:
                continue
            known = fields[target.column].astype("Float64").dropna().astype(float)
            if known.size >= FEWEST:
                yield of_number(target.title, target.unit, known, stored[target.name])


def of_number(title: str, unit: str, known: pd.Series, trained: "OfTarget") -> Check:
    """The check of one number of the table."""
    middle, mean, std = float(known.median()), trained["mean"], trained["std"]
    low, high = mean - FAR_SD * std, mean + FAR_SD * std
    passed = low <= middle <= high
    evidence = (
        f"{title}: the median of {shown_count(known.size)} is {middle:.4g}, in the training {mean:.4g} {unit}".strip()
    )
    return _row("unit", title, known.size, evidence + ("" if passed else _hint(middle, mean, low, high)), passed)


def _hint(value: float, expected: float, low: float, high: float) -> str:
    """The factor that would bring a value into the expected range."""
    if not value:
        return ""
    fitting = [factor for factor in FACTORS if low <= value * factor <= high]
    if not fitting:
        return ""
    best = min(fitting, key=lambda factor: abs(np.log(abs(value * factor / expected))) if expected else 0.0)
    return f", which multiplied by {best:.4g} would fit ({FACTORS[best]}?)"


def _row(check: str, target: str, people: int, evidence: str, passed: bool) -> Check:
    return {"check": check, "target": target, "people": shown_count(people), "evidence": evidence, "passed": passed}


if __name__ == "__main__":
    cli.run(main)

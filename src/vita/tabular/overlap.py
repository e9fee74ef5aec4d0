"""Which inputs of Stage II are, or reveal, a target of Stage III: the leak that `tabular.exclude` can close.

The paper pretrains with all 117 inputs, so its image encoder has seen, through the table, much of what it
must later predict. The table written here names every such pair that remains after the task's own `tabular.exclude`:
    same feature   the target is itself an input
    same field     an input and the target are made from one UK Biobank field
    same disease   an input states in another way that the disease was diagnosed or is treated
    same quantity  both measure one thing, such as the cardiac output in two readings of one MRI
    dependence     in the training split an input reveals much of the target: a rank correlation, or Cramér's V of
                   two columns of codes, of at least 0.6 (vita.tabular.dependence). Measured where the tables are
                   given; another cohort may give other pairs
"""

import csv
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from vita.cohort.features import Feature, load_features
from vita.config.blocks import needed
from vita.names import task_title
from vita.printing.cells import Cell, Printed
from vita.printing.web import folded
from vita.runtime import cli
from vita.runtime.atomic import replacing, write_text
from vita.runtime.errors import UserError
from vita.tabular.encoder import chosen_features
from vita.tabular.leakage import Exclude, excluded
from vita.tabular.targets import Target, read_targets, read_tasks

if TYPE_CHECKING:
    import polars as pl

LOG = logging.getLogger(__name__)
LABEL_FIELDS = {"high_blood_pressure": 2966}
_PRESSURE = ("high_bp_diagnosed", "blood_pressure_medication")
SAME_DISEASE = {
    "cad": ("heart_attack_diagnosed", "angina_diagnosed", "cardiac_operations"),
    "infarct": ("heart_attack_diagnosed", "cardiac_operations"),
    "stroke": ("stroke_diagnosed",),
    "diabetes": ("diabetes_diagnosed", "ever_diabetes", "insulin"),
    "hypertension": _PRESSURE,
    "high_blood_pressure": _PRESSURE,
}

QUANTITIES = (
    {"LVCO", "inline_cardiac_output", "inline_cardiac_index"},
    {"height", "standing_height", "body_surface_area", "bmi"},
    {"weight", "total_mass", "fat_mass", "fat_free_mass", "water_mass", "body_surface_area", "bmi"},
    {"ever_smoked", "smoking_status", "current_smoking", "past_smoking"},
    {"alcohol_status", "alcohol_frequency", "alcohol_drinking_frequency"},
)
DEPENDENCE = 0.6  # from this value a pair is named; it is over a third of the variance


def main(arguments: Sequence[str] | None = None) -> None:
    """Command line of `python -m vita.tabular.overlap`."""
    parser = cli.parser(__doc__)
    parser.add_argument("--features", required=True, type=Path, help="the feature table, features.tsv")
    parser.add_argument("--targets", required=True, type=Path, help="the target table, targets.tsv")
    parser.add_argument("--output", required=True, type=Path, help="CSV: task, target, input, reason")
    parser.add_argument("--split", type=Path, help="split.parquet; goes with the tables that dependence is measured in")
    for name in ("fields", "phenotypes", "labels"):
        parser.add_argument(f"--{name}", type=Path, help=f"{name}.parquet")
    parser.add_argument("--html", type=Path, help="the same as a page, to write")
    cli.add_settings(parser, "block tabular of config.yaml")
    args = parser.parse_args(arguments)
    exclude = needed(args.settings, "tabular.exclude") or []
    features = load_features(args.features)
    tables = [path for path in (args.fields, args.phenotypes, args.labels) if path]
    if bool(tables) != bool(args.split):
        raise UserError("--split goes with --fields, --phenotypes or --labels: give both or neither")
    from vita.tabular.dependence import training_values  # start-up: polars and scipy

    values = training_values(args.split, tables) if tables else None
    rows = list_overlaps(features, args.targets, exclude, values)
    with replacing(args.output) as path, path.open("w", encoding="utf-8", newline="") as lines:
        csv.writer(lines, lineterminator="\n").writerows([("task", "target", "input", "reason"), *rows])
    if args.html:
        caption = f"Inputs of Stage II that reveal a target of Stage III ({len({row[2] for row in rows})} inputs)"
        write_text(args.html, folded(caption, printed(rows, features, args.targets), []))
    LOG.info("%d inputs of Stage II overlap with targets of Stage III", len({row[2] for row in rows}))


def list_overlaps(
    features: Sequence[Feature], targets: Path, exclude: Exclude, values: "pl.DataFrame | None" = None
) -> list[tuple[str, str, str, str]]:
    """(task, target, input, reason) of every pair that remains.

    Args:
        features: the feature table.
        targets: the target table, targets.tsv.
        exclude: `tabular.exclude`, a list or one per task.
        values: of the training split, see vita.tabular.dependence; None skips the measurement.
    """
    from vita.tabular.dependence import dependences  # start-up, as above

    rows = []
    for task in read_tasks(targets):
        kept = chosen_features(features, {"tabular": {"exclude": excluded(exclude, task)}})
        own = read_targets(targets, task)
        measured = dependences(values, [t.column for t in own], [f.name for f in kept]) if values is not None else {}
        for target in own:
            found = overlaps(target, kept, {each.name: each for each in features}, measured)
            rows += [(task, target.name, feature.name, reason) for feature, reason in found]
    return rows


def printed(rows: list[tuple[str, str, str, str]], features: Sequence[Feature], targets: Path) -> list[Printed]:
    """A printed table per task, with inputs and targets by their titles."""
    inputs = {feature.name: feature.title for feature in features}
    parts = []
    for task in dict.fromkeys(row[0] for row in rows):
        names = {target.name: target.title for target in read_targets(targets, task)}
        own = [
            [Cell(names[target]), Cell(inputs[name]), Cell(reason)] for of, target, name, reason in rows if of == task
        ]
        parts.append(Printed(task_title(task), ["Target", "Input of Stage II", "Why"], own, words=3))
    return parts


def overlaps(
    target: Target,
    inputs: Sequence[Feature],
    features: dict[str, Feature],
    measured: Mapping[tuple[str, str], float] | None = None,
) -> list[tuple[Feature, str]]:
    """Inputs that overlap with a target, each with the strongest reason.

    Args:
        target: of any task.
        inputs: what Stage II is given.
        features: the whole feature table by name.
        measured: dependence of pairs of a target's column and an input.
    """
    own = features.get(target.column)
    fields = {field for field, _ in own.fields} if own else {LABEL_FIELDS.get(target.column)}
    found = []
    for feature in inputs:
        if feature.name == target.column:
            found.append((feature, "same feature"))
        elif fields & {field for field, _ in feature.fields}:
            found.append((feature, "same field"))
        elif feature.name in SAME_DISEASE.get(target.column, ()):
            found.append((feature, "same disease"))
        elif any({feature.name, target.column} <= quantity for quantity in QUANTITIES):
            found.append((feature, "same quantity"))
        elif (strength := (measured or {}).get((target.column, feature.name), 0.0)) >= DEPENDENCE:
            found.append((feature, f"dependence {strength:.2f} in training"))
    return found


if __name__ == "__main__":
    cli.run(main)

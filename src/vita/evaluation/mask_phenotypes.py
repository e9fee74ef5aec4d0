"""Phenotypes measured on predicted masks against those measured in the same way on the reference masks (Bland-Altman).

    python -m vita.evaluation.mask_phenotypes --model vita
        --masks results/predictions/segmentation/vita.npz
        --shards results/images/shards/00000.parquet ...
        --targets workflow/resources/targets.tsv
        --settings '{"phenotypes": {"ed": "first"}}'
        --output results/metrics/mask_phenotypes/vita.csv
        --html results/metrics/mask_phenotypes/vita.html   (optional)
        --per-participant results/metrics/mask_phenotypes/vita_participants.parquet

Both masks hold the planes that the model sees, on all frames kept of the cycle: the kept short-axis slices represent
the whole stack, so that each counts for (slices of the stack / kept slices) slice distances. Values therefore differ
slightly from phenotypes.parquet; only the two masks are compared with each other. For the atria, their longest
direction is taken as the long axis. Difference = predicted - reference; limits of agreement = mean difference +- 1.96
SD.
"""

from pathlib import Path

import numpy as np
import pandas as pd

from vita import names
from vita.config.blocks import needed
from vita.evaluation.mask_metrics import FOUR_CHAMBER, SHORT_AXIS, TWO_CHAMBER, annotated_frames
from vita.evaluation.predictions import read_masks, read_targets
from vita.evaluation.small_counts import FEW, withheld
from vita.evaluation.statistics import bland_altman
from vita.images.curves import area_and_length, volume_ml
from vita.images.phenotypes import atrial, left_atrial_ml, right_atrial_ml, ventricular
from vita.mask_classes import NOT_ANNOTATED
from vita.printing.cells import Cell, Printed
from vita.printing.numbers import DASH, known, number, rounded, sizes
from vita.printing.web import page
from vita.runtime import cli
from vita.runtime.atomic import replacing, write_text
from vita.runtime.errors import UserError

COLUMNS = [
    *("model", "target", "title", "unit", "n", "reference_mean", "bias", "sd", "limit_low", "limit_high"),
    *("mean_absolute_difference", "r", "note"),
]


def ventricles(labels_pthw: np.ndarray, spacing_p2: np.ndarray, row: pd.Series, ed: str) -> dict[str, float]:
    """Ventricular phenotypes of a participant from the kept short-axis planes.

    Args:
        labels_pthw: (9, time, height, width), without the pixels that are not annotated; frames without a structure
            count as not annotated.
        spacing_p2: (9, 2) row and column spacing in mm.
        row: of the shard's table: `sa_stack`, `sa_spacing_mm`, `frames_sa`, `frame_s_sa`.
        ed: first | largest, which frame is end-diastole.
    """
    stack = labels_pthw[list(SHORT_AXIS)]
    distance_mm = row["sa_spacing_mm"] * row["sa_stack"] / len(stack)
    spacing_mm = (distance_mm, *spacing_p2[SHORT_AXIS[0]])
    lv_ml, myo_ml, rv_ml = (volume_ml((stack == label).sum(axis=(0, 2, 3)), spacing_mm) for label in (1, 2, 3))
    cycle_s = row["frame_s_sa"] * row["frames_sa"]
    return ventricular(lv_ml, myo_ml, rv_ml, cycle_s / stack.shape[1], ed)[0]


def atria(labels_pthw: np.ndarray, spacing_p2: np.ndarray) -> dict[str, float]:
    """Atrial phenotypes of a participant from the two- and four-chamber planes."""

    def measured(plane: int, label: int) -> tuple[np.ndarray, np.ndarray]:
        return area_and_length(labels_pthw[plane] == label, tuple(spacing_p2[plane]), None)

    left = left_atrial_ml(*measured(TWO_CHAMBER, 4), *measured(FOUR_CHAMBER, 4))
    right = right_atrial_ml(*measured(FOUR_CHAMBER, 5))
    return atrial(left, "LA") | atrial(right, "RA")


def annotated(labels_pthw: np.ndarray, truth_pthw: np.ndarray) -> np.ndarray:
    """The labels with background wherever the reference is not annotated, including whole frames."""
    kept = np.stack([annotated_frames(plane) for plane in truth_pthw])[:, :, None, None]
    kept[list(SHORT_AXIS)] &= kept[list(SHORT_AXIS)].all(axis=0)  # a volume needs every slice
    return np.where(kept & (truth_pthw != NOT_ANNOTATED), labels_pthw, 0)


def per_participant(masks: dict[str, np.ndarray], shards: pd.DataFrame, ed: str) -> pd.DataFrame:
    """`eid`, `target`, `reference`, `predicted`, where both are known.

    Raises:
        UserError: a participant of the masks is not in the shards.
    """
    table = shards.set_index("eid")
    if not set(masks["eid"].tolist()) <= set(table.index):
        raise UserError("participants of the masks are missing from the shards' tables: name all shards of the run")
    rows = []
    arrays = (masks[name] for name in ("eid", "truth", "prediction", "spacing_mm"))
    for eid, truth, prediction, spacing in zip(*arrays, strict=True):
        both = []
        for labels in (truth, prediction):
            known = annotated(labels, truth)
            both.append(ventricles(known, spacing, table.loc[eid], ed) | atria(known, spacing))
        rows += [
            {"eid": int(eid), "target": name, "reference": value, "predicted": both[1][name]}
            for name, value in both[0].items()
        ]
    found = pd.DataFrame(rows, columns=["eid", "target", "reference", "predicted"])
    return found.replace([np.inf, -np.inf], np.nan).dropna().reset_index(drop=True)


def agreement(found: pd.DataFrame, targets: pd.DataFrame, model: str) -> pd.DataFrame:
    """Bland and Altman's bias and limits of agreement, a row per target."""
    rows = []
    for _, target in targets.iterrows():
        part = found[found["target"] == target["target"]]
        difference = part["predicted"] - part["reference"]
        row = {"model": model, "n": len(part), "note": ""} | {
            name: target[name] for name in ("target", "title", "unit")
        }
        if len(part) < 2:
            rows.append(row | {"note": "fewer than two participants have this phenotype in both masks"})
            continue
        row |= {"reference_mean": part["reference"].mean(), **bland_altman(part["reference"], part["predicted"])}
        rows.append(row | {"mean_absolute_difference": difference.abs().mean()})
    return pd.DataFrame(rows).reindex(columns=COLUMNS)


def printed(table: pd.DataFrame, model: str, counted: str) -> Printed:
    """The table for readers, with one row per phenotype as `withheld` leaves them; `counted` is the number of
    participants in words.
    """
    header = ["", "n", "Reference, mean", "Bias", "SD", "Limits of agreement", "Mean absolute difference", "r"]
    of_whom = f" ({counted})" if counted else ""
    out = Printed(f"Phenotypes from masks of {names.title(model)} against reference masks, test split{of_whom}", header)
    for _, row in table.iterrows():
        cells = [Cell(f"{row['title']} ({row['unit']})"), Cell(str(row["n"])), Cell(rounded(row["reference_mean"]))]
        cells += [Cell(rounded(row["bias"], "+")), Cell(rounded(row["sd"]))]
        limits = [rounded(row[name], "+") for name in ("limit_low", "limit_high")]
        cells.append(Cell(" to ".join(limits) if known(row["limit_low"]) else DASH))
        cells += [Cell(rounded(row["mean_absolute_difference"])), Cell(number(row["r"], 3))]
        if not known(row["bias"]):
            cells[2] = out.note(cells[2], row["note"] or FEW)
        out.rows.append(cells)
    return out


def main(arguments: list[str] | None = None) -> None:
    """Command line, see the module's docstring."""
    parser = cli.parser(__doc__)
    parser.add_argument("--model", required=True, help="name of the system")
    parser.add_argument("--masks", required=True, type=Path, help="the system's masks (npz)")
    parser.add_argument("--shards", nargs="+", required=True, type=Path, help="tables of all shards (parquet)")
    parser.add_argument("--targets", required=True, type=Path, help="targets.tsv")
    parser.add_argument("--output", required=True, type=Path, help="CSV to write")
    parser.add_argument("--per-participant", required=True, type=Path, help="parquet to write")
    parser.add_argument("--html", type=Path, help="the same as a page, to write")
    cli.add_settings(parser, "the block `phenotypes`")
    args = parser.parse_args(arguments)
    columns = ["eid", "sa_stack", "sa_spacing_mm", "frames_sa", "frame_s_sa"]
    shards = pd.concat([pd.read_parquet(path, columns=columns) for path in args.shards], ignore_index=True)
    ed = needed(args.settings, "phenotypes.ed")
    found = per_participant(read_masks(args.masks), shards, ed)
    targets = pd.concat([read_targets(args.targets, task) for task in names.PHENOTYPE_TASKS], ignore_index=True)
    table = agreement(found, targets, args.model)
    shown = withheld(table, COLUMNS[5:-1])
    with replacing(args.output) as path:
        shown.to_csv(path, index=False)
    if args.html:
        write_text(args.html, page(printed(shown, args.model, sizes(table["n"]))))
    with replacing(args.per_participant) as path:
        found.assign(model=args.model).to_parquet(path, index=False)


if __name__ == "__main__":
    cli.run(main)

"""Dice and Hausdorff distances of predicted masks, per structure, on the test split.

    python -m vita.evaluation.segmentation --model vita
        --masks results/predictions/segmentation/vita.npz
        --baselines results/metrics/segmentation/mae_participants.parquet ...   (optional)
        --settings '{"seed": 2025, "evaluation": {"bootstrap": 1000}, "phenotypes": {"ed": "first"}}'
        --output results/metrics/segmentation/vita.csv
        --per-participant results/metrics/segmentation/vita_participants.parquet

Masks: an npz of `eid` (n,), `truth` and `prediction` (n, 9 planes, time, height, width) uint8 with 255 where
nothing is annotated, `spacing_mm` (n, 9, 2), and what mask_files lists. Only hard labels are used. A structure is
evaluated on the planes where it can occur and is annotated. Dice is taken over all those planes and the trained frames
together. HD and HD95 in mm are taken per plane and frame and averaged per participant; if both masks are empty, the
plane and frame is left out; if one is empty, it has no distance and is counted as `missed` (only in the reference) or
`spurious` (only in the prediction). Rows: all planes and trained frames together, then by view (SA, LA) and by phase
(ED: the first frame or, by `phenotypes.ed`, that with the largest cavity; ES: of all frames that with the smallest
short-axis LV cavity of the reference). The first row of a structure also says whether masks follow the image (see
mask_motion): Dice between trained frames and of a cycle that starts at ES, change on a still heart, and ejection
fractions over all frames. Intervals: bootstrap over participants. With the per-participant files of baselines, a paired
Wilcoxon test of Dice against the best of them, with Holm's correction.
"""

from pathlib import Path

import numpy as np
import pandas as pd

from vita.config.blocks import needed
from vita.evaluation import mask_motion
from vita.evaluation.mask_metrics import per_participant
from vita.evaluation.predictions import complete, read_masks
from vita.evaluation.statistics import holm, mean_interval, wilcoxon_p
from vita.names import STRUCTURE_NAMES
from vita.runtime import cli
from vita.runtime.atomic import replacing

METRICS = ("dice", "hd_mm", "hd95_mm")
GROUPS = [("all", "all"), ("SA", "all"), ("LA", "all"), ("all", "ED"), ("all", "ES")]
COLUMNS = [
    *("task", "model", "target", "view", "phase", "n"),
    *(f"{name}{end}" for name in METRICS for end in ("", "_sd", "_low", "_high")),
    *("compared", "missed", "spurious", "absent", "best_baseline", "best_baseline_dice", "p", "p_holm", "note"),
    *mask_motion.SUMMARY,
]


def summarise(rows: pd.DataFrame, model: str, bootstrap: int, seed: int) -> pd.DataFrame:
    """Means over participants with their intervals, a row per structure, view and phase.

    A structure without any annotation also gets a row, over all views and phases, with a note.
    """
    summary: list[dict[str, object]] = []
    for (target, view, phase), group in rows.groupby(["target", "view", "phase"], sort=False):
        row: dict[str, object] = {"task": "segmentation", "model": model, "target": target}
        row |= {"view": view, "phase": phase, "n": int(group["dice"].notna().sum()), "note": ""}
        for metric in METRICS:
            values = group[metric].dropna().to_numpy(float)
            row[metric] = values.mean() if values.size else np.nan
            row[f"{metric}_sd"] = values.std(ddof=1) if values.size > 1 else np.nan
            row[f"{metric}_low"], row[f"{metric}_high"] = mean_interval(
                values, bootstrap, seed, f"{target} {view} {phase} {metric}"
            )
        row |= {name: int(group[name].sum()) for name in ("compared", "missed", "spurious", "absent")}
        if row["n"] == 0:
            row["note"] = "this structure is neither annotated nor predicted here"
        elif row["compared"] == 0:
            row["note"] = "no plane and frame has the structure in both masks, so there is no distance"
        summary.append(row)
    found = set(rows["target"])
    for target in STRUCTURE_NAMES.values():
        if target not in found:
            row = {"task": "segmentation", "model": model, "target": target, "view": "all", "phase": "all", "n": 0}
            summary.append(row | {"note": "no participant of the test split has this structure annotated"})
    return pd.DataFrame(summary).reindex(columns=COLUMNS)


def add_motion(summary: pd.DataFrame, motion: pd.DataFrame) -> pd.DataFrame:
    """Add the results of `mask_motion.summarise` to the rows over all views and phases."""
    whole = (summary["view"] == "all") & (summary["phase"] == "all")
    summary = summary.copy()
    for name in mask_motion.SUMMARY:
        summary[name] = summary["target"].map(motion[name]).where(whole).astype(float)
    return summary


def compare(summary: pd.DataFrame, rows: pd.DataFrame, baselines: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """Add the test against the baseline with the highest Dice to the rows over all views and phases."""
    summary = summary.astype({"best_baseline": object})
    whole = (summary["view"] == "all") & (summary["phase"] == "all")
    for place, target in summary.loc[whole, "target"].items():
        own = _dice(rows, target)
        others = {name: _dice(table, target).reindex(own.index).to_numpy() for name, table in baselines.items()}
        others = complete(others, target)
        if not others:
            continue
        best = max(others, key=lambda name: others[name].mean())
        summary.loc[place, "best_baseline"] = best
        summary.loc[place, "best_baseline_dice"] = others[best].mean()
        summary.loc[place, "p"] = wilcoxon_p(own.to_numpy(), others[best])
    summary.loc[whole, "p_holm"] = holm(summary.loc[whole, "p"].to_numpy(float))
    return summary


def _dice(rows: pd.DataFrame, target: str) -> pd.Series:
    whole = rows[(rows["target"] == target) & (rows["view"] == "all") & (rows["phase"] == "all")]
    return whole.set_index("eid")["dice"].dropna()


def main(arguments: list[str] | None = None) -> None:
    """Command line, see the module's docstring."""
    parser = cli.parser(__doc__)
    parser.add_argument("--model", required=True, help="name of the system")
    parser.add_argument("--masks", required=True, type=Path, help="the system's masks (npz)")
    parser.add_argument("--baselines", nargs="*", default=[], type=Path, help="per-participant parquets")
    parser.add_argument("--output", required=True, type=Path, help="metrics CSV to write")
    parser.add_argument("--per-participant", required=True, type=Path, help="parquet to write")
    cli.add_settings(parser, "seed and the block `evaluation`")
    args = parser.parse_args(arguments)
    masks = read_masks(args.masks)
    ed = needed(args.settings, "phenotypes.ed")
    judged = {name: masks[name] for name in ("eid", "truth", "prediction", "spacing_mm", "trained")}
    rows = per_participant(**judged, groups=GROUPS, ed=ed)
    bootstrap = needed(args.settings, "evaluation.bootstrap")
    summary = summarise(rows, args.model, bootstrap, needed(args.settings, "seed"))
    motion = mask_motion.per_participant(masks)
    summary = add_motion(summary, mask_motion.summarise(motion))
    motion = motion.assign(view="all", phase="all")
    rows = rows.merge(motion, on=["eid", "target", "view", "phase"], how="left", validate="one_to_one")
    baselines = {path.stem.removesuffix("_participants"): pd.read_parquet(path) for path in args.baselines}
    summary = compare(summary, rows, baselines)
    with replacing(args.output) as path:
        summary.to_csv(path, index=False)
    with replacing(args.per_participant) as path:
        rows.assign(model=args.model).to_parquet(path, index=False)


if __name__ == "__main__":
    cli.run(main)

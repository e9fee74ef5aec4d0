"""One page about a scan: key frames with masks, volume curves, and what the models say. Opens offline, names nobody."""

import base64
import io
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

import numpy as np
import pandas as pd

from vita.apply.reading import Scan
from vita.apply.segmenting import ViewMask
from vita.images.layout import FIRST_SA_PLANE, PLANE_OF_VIEW, STRUCTURES

NOTICE = (
    "Research software, not a medical device: not for diagnosis or treatment. Numbers are estimates by models "
    "trained on one cohort; how well they fit this scan is not known."
)
HEADINGS = {
    "sa_phenotypes": "Short-axis phenotypes",
    "la_phenotypes": "Long-axis phenotypes",
    "physiological": "Physiological features",
    "disease": "Diseases",
    "binary_features": "Yes-or-no features",
    "categorical_features": "Features of several classes",
}
_STYLE = """
body { font: 14px/1.4 system-ui, sans-serif; color: #1d2733; margin: 1.2rem auto; max-width: 78rem; padding: 0 1rem; }
h1 { font-size: 1.3rem; margin: 0 0 .3rem; } h2 { font-size: 1rem; margin: 1rem 0 .3rem; }
.notice { background: #fff4d6; border-left: 4px solid #e69f00; padding: .5rem .8rem; }
.columns { columns: 3 22rem; column-gap: 2rem; } section { break-inside: avoid; }
section.long { break-inside: auto; }
table { border-collapse: collapse; width: 100%; } tr, thead { break-inside: avoid; }
th, td { text-align: right; padding: .1rem .4rem; white-space: nowrap; font-variant-numeric: tabular-nums; }
th { font-weight: 500; border-bottom: 1px solid #9aa5b1; color: #3d4852; }
th:first-child, td:first-child { text-align: left; white-space: normal; }
.above { font-weight: 700; } img { width: 100%; max-width: 76rem; } li, p { margin: .2rem 0; } .small { color: #555; }
"""


def page(
    title: str,
    scan: Scan,
    tables: Mapping[str, Sequence[Mapping[str, Any]]],
    masks: Mapping[str, ViewMask],
    curves: pd.DataFrame,
) -> str:
    """The page as HTML.

    Args:
        title: of the page; never a participant's number.
        scan: as read.
        tables: rows of `models.predict_task` by task; rows of diseases may have `measured` from the masks.
        masks: by view; may be empty.
        curves: from `measuring`.
    """
    notes = "".join(f"<li>{escape(note)}</li>" for note in scan.notes)
    sections = "\n".join(_section(name, rows) for name, rows in _grouped(tables).items())
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        f"<style>{_STYLE}</style></head>\n<body><h1>{escape(title)}</h1>\n"
        f'<p class="notice">{escape(NOTICE)}</p>\n'
        + (f"<h2>Notes on this scan</h2><ul>{notes}</ul>\n" if notes else "")
        + f'<img alt="Key frames with predicted masks, and volume curves" src="{_drawing(scan, masks, curves)}">\n'
        f'<div class="columns">\n{sections}\n</div>\n'
        '<p class="small">Usual: mean and standard deviation of the training participants, for probabilities the share '
        "among them. Bold: at or above the threshold with the highest F1 on the validation participants. Masks: the "
        "same quantity measured on the predicted masks, at the phases of the cycle segmentation was trained "
        "on (large dots in the curves; frames in between, small dots, come out much as the nearest of these). Codes "
        "are UK Biobank's; for sex, the probability is that of male.</p>"
        "</body></html>\n"
    )


def _grouped(tables: Mapping[str, Sequence[Mapping[str, Any]]]) -> dict[str, list[Mapping[str, Any]]]:
    groups: dict[str, list[Mapping[str, Any]]] = {}
    for task, rows in tables.items():
        groups.setdefault("disease" if task.startswith("disease_") else task, []).extend(rows)
    return {name: groups[name] for name in sorted(groups, key=lambda n: [*HEADINGS, n].index(n))}


def _section(name: str, rows: Sequence[Mapping[str, Any]]) -> str:
    measured = any("measured" in row for row in rows)
    kind = rows[0]["kind"]
    head = {"numerical": ["", "Predicted", "Usual"], "binary": ["", "Probability", "Threshold", "Usual"]}.get(
        kind, ["", "Code", "Probability"]
    )
    head = head + (["Masks"] if measured else [])
    body = "\n".join(_row(row, measured) for row in rows)
    cells = "".join(f"<th>{text}</th>" for text in head)
    long = " class='long'" if len(rows) > 15 else ""
    return (
        f"<section{long}><h2>{escape(HEADINGS.get(name, name))}</h2><table><thead><tr>{cells}</tr></thead>"
        f"<tbody>{body}</tbody></table></section>"
    )


def _row(row: Mapping[str, Any], measured: bool) -> str:
    if row["kind"] == "numerical":
        unit = f" {row['unit']}" if row["unit"] else ""
        cells = [f"{number(row['value'])}{unit}", f"{number(row['training_mean'])} &#177; {number(row['training_sd'])}"]
    elif row["kind"] == "binary":
        cells = [f"{100 * row[key]:.1f} %" for key in ("value", "threshold", "training_mean")]
    else:
        cells = [str(row["class"]), f"{100 * row['value']:.0f} %"]
    if measured:
        cells.append(number(row["measured"]) if np.isfinite(row.get("measured", np.nan)) else "")
    bold = ' class="above"' if row.get("positive") else ""
    return f"<tr{bold}><td>{escape(row['title'])}</td>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>"


def number(value: float) -> str:
    """Three digits that count, without exponents."""
    digits = max(0, 2 - int(np.floor(np.log10(abs(value))))) if value else 0
    return f"{value:,.{min(digits, 3)}f}"


def _drawing(scan: Scan, masks: Mapping[str, ViewMask], curves: pd.DataFrame) -> str:
    """Rows of end-diastole and end-systole, and the curves, as a PNG in a data address."""
    import matplotlib.pyplot as plt

    from vita.report.figures import style
    from vita.report.figures.mosaic import overlay, picture

    style.apply()
    shown = _planes(scan, masks)
    phases = _phases(curves, scan.cine_sthw.shape[1])
    figure = plt.figure(figsize=(1.25 * len(shown), 4.6))
    grid = figure.add_gridspec(3, len(shown), height_ratios=[1, 1, 1.25])
    for row, (name, frame) in enumerate(phases.items()):
        for column, (plane_name, plane, mask) in enumerate(shown):
            axes = figure.add_subplot(grid[row, column])
            axes.set(xticks=[], yticks=[])
            picture(axes, scan.cine_sthw[plane, frame])
            if mask is not None:
                overlay(axes, mask[frame], alpha=0.4)
            if row == 0:
                axes.set_title(plane_name)
            if column == 0:
                axes.set_ylabel(f"{name}\n(frame {frame + 1})")
    _draw_curves(figure.add_subplot(grid[2, : max(len(shown) - 2, 1)]), curves)
    handles = [
        plt.Rectangle((0, 0), 1, 1, color=style.STRUCTURE_COLOURS[number], alpha=0.6) for number in STRUCTURES.values()
    ]
    legend = figure.add_subplot(grid[2, max(len(shown) - 2, 1) :])
    legend.axis("off")
    titles = ["LV cavity", "LV myocardium", "RV cavity", "Left atrium", "Right atrium"]
    legend.legend(handles, titles, loc="center", title="Masks")
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=160, metadata={"Software": None})
    plt.close(figure)
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()


def _planes(scan: Scan, masks: Mapping[str, ViewMask]) -> list[tuple[str, int, np.ndarray | None]]:
    """Name, number and mask (time, size, size) of the planes that are there."""
    from vita.report.figures import style

    shown = []
    for view in scan.images:
        numbers = scan.record["sa_slices"] if view == "sa" else [0]
        for offset, slice_number in enumerate(numbers):
            plane = PLANE_OF_VIEW.get(view, FIRST_SA_PLANE) + offset
            mask = masks[view].cropped_tsyx[:, slice_number] if view in masks else None
            shown.append((style.PLANES[plane], plane, mask))
    return sorted(shown, key=lambda entry: entry[1])


def _phases(curves: pd.DataFrame, frames: int) -> dict[str, int]:
    """End-diastole is the first frame; end-systole the trained phase with the smallest LV, or a third on."""
    cavity = curves[(curves["structure"] == "LV") & curves["trained_phase"].astype(bool)].dropna(subset=["volume_ml"])
    smallest = frames // 3 if cavity.empty else int(cavity.loc[cavity["volume_ml"].idxmin(), "frame"])
    return {"End-diastole": 0, "End-systole": smallest}


def _draw_curves(axes: Any, curves: pd.DataFrame) -> None:
    from vita.report.figures import style

    colours = dict(zip(("LV", "LVMYO", "RV", "LA", "RA"), style.STRUCTURE_COLOURS.values(), strict=True))
    titles = {"LV": "LV", "LVMYO": "LV myocardium", "RV": "RV", "LA": "LA", "RA": "RA"}
    timed = bool(curves["time_s"].notna().all()) and len(curves) > 0
    for name, part in curves.dropna(subset=["volume_ml"]).groupby("structure", sort=False):
        at = part["time_s"] if timed else part["frame"] + 1
        trained = part["trained_phase"].astype(bool)
        axes.plot(at[trained], part["volume_ml"][trained], color=colours[name], marker="o", ms=3, label=titles[name])
        axes.plot(at, part["volume_ml"], color=colours[name], ls="none", marker=".", ms=2, alpha=0.5)
    axes.set(xlabel="Time in the cycle (s)" if timed else "Frame", ylabel="Volume from masks (ml)", ylim=(0, None))
    if len(curves):
        axes.legend(ncols=5, loc="upper center", bbox_to_anchor=(0.5, 1.16))
    else:
        axes.text(0.5, 0.5, "no segmentation model in this folder", ha="center", transform=axes.transAxes)

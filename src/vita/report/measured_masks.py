"""What the segmentation of the default run should reach, for the README's table of measured values: for every structure
and every system of this project that draws it, from masks of the test split over all frames of the cycle.
"""

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from vita import names
from vita.report.measured_line import Line, read


@dataclass(frozen=True)
class Aim:
    """Lowest Dice of a structure; for a chamber, how far its ejection fraction may be off on average, in percentage
    points, and the lowest correlation of ejection fractions from predicted and from reference masks.
    """

    dice: float
    ejection_points: float | None = None
    correlation: float | None = None


AIMS = {
    "LVBP": Aim(0.97, 3, 0.85),
    "LVMYO": Aim(0.92),
    "RVBP": Aim(0.94, 5, 0.8),
    "LABP": Aim(0.93, 5, 0.7),
    "RABP": Aim(0.97, 3, 0.7),
}
MOST_LOST = 0.01  # of Dice on frames between trained ones, or when the cycle begins at end-systole
MOST_MOVED = 5.0  # percent of a mask's area over the frames of a still heart


def segmentation(results: Path) -> list[Line]:
    """Dice, ejection fractions and masks of still hearts."""
    table = names.table("segmentation")
    own = [name for name in table.systems if name != "nnunet"]
    found = {name: _whole(results, name) for name in own}
    main = found[names.MAIN_SYSTEM]
    aims = pd.DataFrame.from_dict({name: vars(aim) for name, aim in AIMS.items()}, orient="index").reindex(main.index)
    bias, r = main["ef_bias"].dropna(), main["ef_r"].dropna()
    chambers = aims.loc[bias.index]
    every = pd.concat(found.values())
    lost = every["dice"] - every[["dice_between", "dice_es_first"]].min(axis=1)
    moved = every[["still_ed", "still_es"]].max(axis=1)
    title = names.title(names.MAIN_SYSTEM)
    return [
        Line(
            f"Dice, {title}",
            _listed(main["dice"], ".3f"),
            f"at least {_listed(aims['dice'], 'g', named=False)}",
            bool((main["dice"] >= aims["dice"]).all()),
        ),
        Line(
            f"ejection fractions from predicted less from reference masks, points, {title}",
            _listed(bias, "+.1f"),
            f"within {_listed(chambers['ejection_points'], 'g', named=False)}",
            bool((bias.abs() <= chambers["ejection_points"]).all()),
        ),
        Line(
            "correlations of these",
            _listed(r, ".2f"),
            f"at least {_listed(chambers['correlation'], 'g', named=False)}",
            bool((r >= chambers["correlation"]).all()),
        ),
        Line(
            "systems that miss one of these, each with the structures that it draws",
            ", ".join(names.title(name) for name in own if missed(found[name])) or "none",
            "none",
            not any(map(missed, found.values())),
        ),
        Line(
            "every system: Dice lost between trained frames or in a cycle from end-systole",
            f"at most {max(lost.max(), 0):.3f}",
            f"at most {MOST_LOST}",
            bool(lost.max() <= MOST_LOST),
        ),
        Line(
            "every system: change of a mask on a still heart",
            f"at most {moved.max():.1f}%",
            f"at most {MOST_MOVED:g}%",
            bool(moved.max() <= MOST_MOVED),
        ),
    ]


def missed(metrics: pd.DataFrame) -> list[str]:
    """Structures of a system's metrics (structures by name) with a value below its aim; unknown values miss none."""
    found = []
    for name, row in metrics.iterrows():
        aim = AIMS[str(name)]
        off = aim.ejection_points is not None and abs(row["ef_bias"]) > aim.ejection_points
        if row["dice"] < aim.dice or off or (aim.correlation is not None and row["ef_r"] < aim.correlation):
            found.append(str(name))
    return found


def _whole(results: Path, system: str) -> pd.DataFrame:
    """Metrics over all views and phases of the structures that a system draws."""
    table = read(results / f"metrics/segmentation/{system}.csv")
    rows = table[(table["view"] == "all") & (table["phase"] == "all")].set_index("target")
    return rows.dropna(subset="dice")


def _listed(values: pd.Series, form: str, named: bool = True) -> str:
    return ", ".join(f"{name} {value:{form}}" if named else f"{value:{form}}" for name, value in values.items())

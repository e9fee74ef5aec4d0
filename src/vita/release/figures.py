"""Releasable figures: the content of a figure's CSV, aggregated over a minimum number of people, and its drawing.

A figure that shows pixels is released only if the participants are synthetic; its numbers of single scans never are.
Of other participants, one that shows averages has a form without pixels.
"""

from collections.abc import Callable
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from vita.release import aggregates, extension_figures
from vita.release.embedding_figures import mean_path, phenotype_map, sections
from vita.release.group_figures import boxes, calibration, curves, scatter
from vita.release.panels import Aggregated
from vita.report.figures import style
from vita.report.figures.volume_curves import BAND, summarise
from vita.runtime.atomic import replacing

PIXELS = (
    *("fig8_segmentation_examples", "figB9_reconstructions", "scan_quality", "plane_intersections"),
    "latent_directions",  # averages, which a reader cannot distinguish from scans
)
AS_IT_IS = ("learning_curves",)  # only about models


def released_as_pixels(name: str, phantom: bool) -> bool:
    """Whether a figure leaves as it is or not at all, since it shows pixels and has no other form for these people."""
    return name in PIXELS and (phantom or name not in _FORMS)


def aggregate(name: str, drawn: pd.DataFrame, cell: int) -> Aggregated:
    """A figure's CSV as numbers over at least `cell` people, and their drawing.

    Raises:
        KeyError: no form of this figure may be released.
    """
    return _FORMS[name](drawn, cell)


def drawn_from(name: str, path: Path, results: Path, cell: int) -> pd.DataFrame:
    """What a figure is drawn from: its CSV; volume curves from the curves themselves, since each of their percentiles
    is one participant's volume, in place of which the mean of those around it is released.
    """
    curves = results / "images" / "curves.parquet"
    if name != "volume_curves" or not curves.is_file():
        return pd.read_csv(path)

    def quantiles(values: np.ndarray) -> list[np.ndarray]:
        few = len(values) < cell
        return [np.full(values.shape[1], np.nan) if few else aggregates.middle(values, part, cell) for part in BAND]

    return summarise(pd.read_parquet(curves), quantiles)


def save(found: Aggregated, folder: Path, name: str) -> list[Path]:
    """Write a figure's CSV, and SVG and PNG if there is something to draw."""
    paths = [folder / f"{name}.csv"]
    with replacing(paths[0]) as path:
        found.table.to_csv(path, index=False, float_format="%.4g")
    if found.figure is not None:
        for form, extra in (("svg", {"Date": None, "Creator": None}), ("png", {"Software": None})):
            paths.append(folder / f"{name}.{form}")
            with replacing(paths[-1]) as path:
                found.figure.savefig(path, format=form, dpi=style.PNG_DPI, metadata=extra)
            with plt.rc_context({"figure.constrained_layout.use": False, "figure.autolayout": False}):
                found.figure.set_layout_engine(None)  # the second form is laid out as the first
        plt.close(found.figure)
    return paths


def _own(form: Callable[[pd.DataFrame, int], extension_figures.Found]) -> Callable[[pd.DataFrame, int], Aggregated]:
    """A figure of the extensions."""
    return lambda drawn, cell: Aggregated(*form(drawn, cell))


_FORMS: dict[str, Callable[[pd.DataFrame, int], Aggregated]] = {
    "fig2_temporal_sections": sections,
    "fig3_subject_trajectories": mean_path,
    "fig4_phenotype_tsne": phenotype_map,
    "fig5_phenotype_scatter": scatter("truth", "prediction", ("Reference", "Prediction from images"), True),
    "fig6_physiological_scatter": scatter("truth", "prediction", ("Reference", "Prediction from images"), True),
    "bland_altman": scatter("mean", "difference", ("Mean of both masks", "Predicted minus reference"), False),
    "fig7_segmentation": boxes,
    "volume_curves": curves,
    "calibration": calibration,
    "cumulative_incidence": _own(extension_figures.incidence),
    "latent_directions": _own(extension_figures.directions),
    "association_map": _own(extension_figures.associations),
    "conformal_coverage": _own(extension_figures.coverage),
    "label_curves": _own(extension_figures.labels),
    "availability_curves": _own(extension_figures.availability),
    "phenotype_curves": _own(extension_figures.phenotypes),
}

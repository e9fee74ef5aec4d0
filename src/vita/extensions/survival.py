"""Incident disease after the scan, predicted from image, table and both, with death as a competing event.

    python -m vita.extensions.survival --diagnoses results/cohort/diagnoses.parquet
        --fields results/cohort/fields.parquet
        --split results/cohort/split.parquet --feature-table workflow/resources/features.tsv
        --features brightness=results/controls/brightness.parquet probe_vita=results/controls/probe_vita.parquet ...
        --settings '{"seed": 2025, "evaluation": {"bootstrap": 1000}, "labels": {"codes": {"cad": ["I20-I25"]}}}'
        --output results/survival/incident_disease.csv --curves results/survival/incidence_by_risk.csv

Each source of features is a Cox model on its principal components, fitted on training with a ridge penalty chosen on
validation (`hazard_models`), and measured on the test split: Harrell's and Uno's C, AUC at 2 and 5 years, mean
predicted over observed incidence at both times, the hazard ratio of one SD of predicted log hazard, and the gain in
Harrell's C over age, sex and systolic blood pressure. The same is fitted once more as Fine and Gray's model of the
incidence (`subdistribution`), measured by the concordance in which whoever died stays without the disease, and by its
predicted over observed incidence. Intervals: 95 %, bootstrap over participants; Wald's for the hazard ratio. `table` is
UK Biobank's table without features that count diagnoses dated after the scan. Curves: observed incidence by fifth of
the risk predicted from table and image, where neighbouring groups are merged until each has ten events.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from vita.cohort.settings import follow_up_end
from vita.cohort.split_table import read_split
from vita.config.blocks import needed
from vita.evaluation.small_counts import is_small
from vita.evaluation.statistics import interval, resamples
from vita.extensions import timed_metrics
from vita.extensions.hazard_models import FEWEST, absolute_risk, components, fit, fit_both
from vita.extensions.inputs import (
    IMAGE,
    TABLE,
    columns_of,
    read_features,
    read_fields,
    table_features,
)
from vita.extensions.outcomes import DEATH, TITLES, at_risk, code_lists
from vita.extensions.subdistribution import fine_gray, incidence, log_likelihood
from vita.extensions.timed_metrics import Followed
from vita.runtime import cli
from vita.runtime.atomic import replacing
from vita.runtime.privacy import SMALLEST_COUNT

log = logging.getLogger(__name__)
CLINICAL = ("age", "sex", "systolic_bp")
HORIZONS = (2.0, 5.0)  # years
GRID = np.arange(0, 8.01, 0.5)  # years, of the curves
GROUPS = 5
VALUES = ["c_harrell", "gain", "c_uno", "auc_2", "auc_5", "calibration_2", "calibration_5", "hr"]
VALUES += ["c_fine_gray", "calibration_fine_gray_2", "calibration_fine_gray_5"]
COLUMNS = ["outcome", "title", "model", "n", "events", "deaths"]
COLUMNS += [name + end for name in VALUES for end in ("", "_low", "_high")] + ["note"]
CURVES = [
    "outcome",
    "title",
    "group",
    "groups",
    "n",
    "events",
    "predicted_5",
    "years",
    "at_risk",
    "incidence",
    "low",
    "high",
]
FEW = f"fewer than {SMALLEST_COUNT} events on the test split"
UNFITTED = f"fewer than {FEWEST} events on the training split, or no feature that varies"


@dataclass(frozen=True)
class Cohort:
    """All participants who are at risk of an outcome."""

    known: Followed
    split: np.ndarray  # (n,)
    blocks: Mapping[str, np.ndarray]  # (n, components) of each source

    @property
    def test(self) -> np.ndarray:
        """(n,) whether in the test split."""
        return np.asarray(self.split == "test")


@dataclass(frozen=True)
class Risk:
    """Predictions of a model for the test split."""

    log_ratio: np.ndarray  # (n,)
    absolute: np.ndarray  # (n, times) of GRID
    competing: np.ndarray  # (n, times) of GRID, by Fine and Gray's model


def systems(sources: list[str]) -> dict[str, tuple[str, ...]]:
    """Blocks of each model: one source each, and last the table with the source that represents the image."""
    found: dict[str, tuple[str, ...]] = {name: (name,) for name in ["clinical", *sources]}
    images = [name for name in sources if name not in (TABLE, "demographics")]
    if TABLE in sources and images:
        found["image_table"] = (IMAGE if IMAGE in images else images[-1], TABLE)
    return found


def predict(cohort: Cohort, blocks: tuple[str, ...]) -> Risk | None:
    """Fit on training and validation, predict the test split; None if nothing can be fitted."""
    own = [cohort.blocks[name] for name in blocks]
    fitted = fit_both(own, cohort.known, cohort.split)
    direct = fit(own, cohort.known, cohort.split, learn=fine_gray, worth_of=log_likelihood)
    if fitted is None or direct is None:
        return None
    risk, test = absolute_risk(*fitted, GRID), cohort.test
    return Risk(fitted[0].log_ratio[test], risk[test], incidence(direct, GRID)[test])


def measure(train: Followed, test: Followed, risk: Risk, counts: np.ndarray) -> dict[str, np.ndarray]:
    """Each metric for the whole test split (first) and for its resamples.

    Args:
        train: for the censoring's distribution.
        test: (n,) participants.
        risk: the model's risk for each.
        counts: (1 + resamples, n), the first row ones.
    """
    weight = timed_metrics.censoring_weights(train, test)
    found = {
        "c_harrell": timed_metrics.concordance(test, risk.log_ratio, counts),
        "c_uno": timed_metrics.concordance(test, risk.log_ratio, counts, weight**2),
        "c_fine_gray": timed_metrics.concordance_competing(test, risk.competing[:, -1], counts),
    }
    observed = timed_metrics.incidence_by(test, np.array(HORIZONS), counts)
    for place, horizon in enumerate(HORIZONS):
        at = int(np.searchsorted(GRID, horizon))
        own = risk.absolute[:, at]
        found[f"auc_{horizon:.0f}"] = timed_metrics.auc_by(test, own, horizon, weight, counts)
        seen = np.where(observed[:, place] > 0, observed[:, place], np.nan)
        found[f"calibration_{horizon:.0f}"] = counts @ own / counts.sum(axis=1) / seen
        found[f"calibration_fine_gray_{horizon:.0f}"] = counts @ risk.competing[:, at] / counts.sum(axis=1) / seen
    return found


def hazard_ratio(test: Followed, log_ratio: np.ndarray) -> tuple[float, float, float]:
    """Hazard ratio of one SD of predicted log hazard on the test split, with Wald's 95 % interval."""
    from statsmodels.duration.hazard_regression import PHReg  # start-up

    spread = log_ratio.std()
    if spread < 1e-12:
        return (np.nan,) * 3
    fitted = PHReg(test.years, (log_ratio - log_ratio.mean())[:, None] / spread, status=test.ill).fit()
    low, high = fitted.conf_int()[0]
    return float(np.exp(fitted.params[0])), float(np.exp(low)), float(np.exp(high))


def rows_of(
    cohort: Cohort, outcome: str, models: Mapping[str, tuple[str, ...]], bootstrap: int, seed: int
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """One row per model, and the curves of the last model, for one outcome; with few events a single row without
    numbers.
    """
    test_n = cohort.test
    test = Followed(cohort.known.years[test_n], cohort.known.event[test_n])
    train_n = cohort.split == "train"
    train = Followed(cohort.known.years[train_n], cohort.known.event[train_n])
    about = {"outcome": outcome, "title": TITLES[outcome], "n": test_n.sum(), "events": test.ill.sum()}
    about |= {"deaths": (test.event == DEATH).sum()}
    if test.ill.sum() < SMALLEST_COUNT:
        return pd.DataFrame([about | {"model": "", "note": FEW}]).reindex(columns=COLUMNS), pd.DataFrame(columns=CURVES)
    counts = np.vstack([np.ones((1, len(test.years))), resamples(len(test.years), bootstrap, seed, outcome)])
    rows, curves, reference = [], pd.DataFrame(columns=CURVES), None
    for name, blocks in models.items():
        row = about | {"model": name}
        risk = predict(cohort, blocks)
        if risk is None:
            rows.append(row | {"note": UNFITTED})
            continue
        found = measure(train, test, risk, counts)
        reference = found["c_harrell"] if name == "clinical" else reference
        if reference is not None and name != "clinical":
            found["gain"] = found["c_harrell"] - reference
        for metric, values in found.items():
            row |= dict(
                zip((metric, f"{metric}_low", f"{metric}_high"), (values[0], *interval(values[1:])), strict=True)
            )
        row |= _with_ends("hr", hazard_ratio(test, risk.log_ratio))
        rows.append(row | {"note": ""})
        if name == list(models)[-1]:
            curves = curves_of(test, risk, counts).assign(outcome=outcome, title=TITLES[outcome])
    return pd.DataFrame(rows).reindex(columns=COLUMNS), curves.reindex(columns=CURVES)


def _with_ends(name: str, values: tuple[float, float, float]) -> dict[str, float]:
    """A value and the ends of its interval, by the names of their columns."""
    return dict(zip((name, f"{name}_low", f"{name}_high"), values, strict=True))


def curves_of(test: Followed, risk: Risk, counts: np.ndarray) -> pd.DataFrame:
    """Observed incidence at each time of GRID by group of predicted 5-year risk, the lowest first.

    Fifths, where neighbours are merged until each group has at least ten people with the disease; times at which fewer
    than ten are still followed are left out.
    """
    five = risk.absolute[:, int(np.searchsorted(GRID, HORIZONS[-1]))]
    groups = _merged(np.array_split(np.argsort(five, kind="stable"), GROUPS), test.ill)
    parts = []
    for place, members in enumerate(groups):
        own = Followed(test.years[members], test.event[members])
        values = timed_metrics.incidence_by(own, GRID, counts[:, members])
        low, high = np.array([interval(column) for column in values[1:].T]).T
        left = (own.years[None, :] >= GRID[:, None]).sum(axis=1)
        part = pd.DataFrame({"years": GRID, "at_risk": left, "incidence": values[0], "low": low, "high": high})
        part = part.assign(group=place + 1, groups=len(groups), n=len(members), events=own.ill.sum())
        parts.append(part[left >= SMALLEST_COUNT].assign(predicted_5=five[members].mean()))
    return pd.concat(parts, ignore_index=True)


def _merged(groups: list[np.ndarray], ill: np.ndarray) -> list[np.ndarray]:
    """Neighbouring groups, joined from the lowest risk upwards until each has at least ten people with the disease."""
    found: list[np.ndarray] = []
    waiting: np.ndarray = groups[0][:0]
    for group in groups:
        waiting = np.concatenate([waiting, group])
        if ill[waiting].sum() >= SMALLEST_COUNT:
            found.append(waiting)
            waiting = waiting[:0]
    if not waiting.size:
        return found
    return [*found[:-1], np.concatenate([*found[-1:], waiting])]


def main(arguments: list[str] | None = None) -> None:
    """Command line; see the module's docstring."""
    parser = cli.parser(__doc__)
    parser.add_argument("--diagnoses", required=True, type=Path, help="diagnoses.parquet")
    parser.add_argument("--fields", required=True, type=Path, help="fields.parquet")
    parser.add_argument("--split", required=True, type=Path, help="split.parquet")
    parser.add_argument("--feature-table", required=True, type=Path, help="features.tsv")
    parser.add_argument("--features", nargs="+", required=True, metavar="CONTROL=FILE", help="features of each control")
    parser.add_argument("--output", required=True, type=Path, help="metrics, CSV")
    parser.add_argument("--curves", required=True, type=Path, help="incidence by group of risk, CSV")
    cli.add_settings(parser, "seed and the blocks evaluation and labels")
    args = parser.parse_args(arguments)
    import polars as pl  # start-up

    split = read_split(args.split)
    fields = read_fields(args.fields, split.index)
    sources = read_features(cli.named_files(args.features, "--features"), split.index)
    sources[TABLE] = columns_of(fields, table_features(args.feature_table))[0]
    clinical = fields.reindex(columns=list(CLINICAL)).astype("Float64").to_numpy(dtype=float, na_value=np.nan)
    blocks = {
        name: components(values, (split == "train").to_numpy())
        for name, values in {"clinical": clinical, **sources}.items()
    }
    diagnoses = pl.read_parquet(args.diagnoses)
    lists = needed(args.settings, "labels.codes")
    end = follow_up_end(args.settings)
    bootstrap, seed = needed(args.settings, "evaluation.bootstrap"), needed(args.settings, "seed")
    tables, curves = [], []
    for outcome, codes in code_lists(lists).items():
        risk = at_risk(diagnoses, codes, end)
        risk = risk[risk.index.isin(split.index)]
        place = split.index.get_indexer(risk.index)
        own = Cohort(Followed.of(risk), split.to_numpy()[place], {name: block[place] for name, block in blocks.items()})
        table, curve = rows_of(own, outcome, systems(list(sources)), bootstrap, seed)
        log.info("%s: %d at risk", outcome, len(risk))
        tables.append(table)
        curves.append(curve)
    metrics = pd.concat(tables, ignore_index=True)
    for name in ("n", "events", "deaths"):
        metrics[name] = metrics[name].astype("Int64").mask(is_small(metrics[name]))
    for path, frame in {args.output: metrics, args.curves: pd.concat(curves, ignore_index=True)}.items():
        with replacing(path) as temporary:
            frame.to_csv(temporary, index=False)


if __name__ == "__main__":
    cli.run(main)

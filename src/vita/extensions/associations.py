"""Associations of image directions and phenotypes with every feature and disease.

    python -m vita.extensions.associations --features probe_vita=results/controls/probe_vita.parquet
        --phenotypes results/images/phenotypes.parquet --fields results/cohort/fields.parquet
        --split results/cohort/split.parquet --feature-table workflow/resources/features.tsv
        --diagnoses results/cohort/diagnoses.parquet
        --settings '{"seed": 2025, "labels": {"codes": {"cad": ["I20-I25"]}}}'
        --output results/associations/associations.csv --inflation results/associations/inflation.csv
        --genetics results/associations/genetics

Outcomes: the strongest principal components of the image's features and, for each phenotype, its prediction from them
by ridge regression (a supervised direction), both fitted on training, and the phenotypes themselves. Traits: every
feature of UK Biobank's table, each class of a category except the first, diseases before the scan and after it. Each
outcome is regressed on each trait over the participants that no encoder was trained on (validation and test), adjusted
for age, age squared, sex, body surface area and assessment centre, without a covariate that is the trait itself.
Effects are in SD per SD; false discovery rate by Benjamini and Hochberg over all tests. `--inflation`: genomic-control
lambda, as observed and with permuted traits. `--genetics`: phenotypes.txt (rank-based inverse normal) and
covariates.txt of everybody for regenie and PLINK.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from vita.cohort.settings import follow_up_end
from vita.cohort.split_table import read_split
from vita.config.blocks import needed
from vita.extensions import genetics
from vita.extensions.hazard_models import components
from vita.extensions.inputs import columns_of, read_features, read_fields, table_features
from vita.extensions.outcomes import DISEASE, TITLES, End, at_risk, code_lists
from vita.extensions.regressions import false_discovery, inflation, permuted_inflation, scan
from vita.runtime import cli
from vita.runtime.atomic import replacing
from vita.runtime.privacy import SMALLEST_COUNT

if TYPE_CHECKING:
    import polars as pl

log = logging.getLogger(__name__)
DIRECTIONS = 20
PERMUTATIONS = 20
BEFORE, AFTER = "disease before the scan", "disease after the scan"
COLUMNS = ["kind", "outcome", "group", "trait", "n", "effect", "low", "high", "p", "q", "note"]
FEW = f"fewer than {SMALLEST_COUNT} of one kind"
CONSTANT = "does not vary beside the covariates"
# covariates that equal these features, which are then not adjusted for them
SAME: dict[str, tuple[str, ...]] = {"age": ("age",), "age squared": ("age",), "sex": ("sex",)}
SIZE = "body surface area"
SAME[SIZE] = ("standing_height", "height", "weight", "body_surface_area", "bmi", "total_mass")


@dataclass(frozen=True)
class Columns:
    """Numbers of all participants: (participants, columns), NaN where unknown, with a title and a kind or group for
    each column.
    """

    numbers: np.ndarray
    titles: list[str]
    kinds: list[str]

    def joined(self, other: Columns) -> Columns:
        """Both side by side."""
        return Columns(np.hstack([self.numbers, other.numbers]), self.titles + other.titles, self.kinds + other.kinds)


def image_outcomes(features_nf: np.ndarray, phenotypes: pd.DataFrame, split_n: np.ndarray) -> Columns:
    """Principal components and supervised directions of the image, and the phenotypes.

    Args:
        features_nf: of the image's encoder.
        phenotypes: (participants, phenotypes), NaN where unknown.
        split_n: train, val or test of each participant.
    """
    from vita.training.closed_form import fit_number, standardised  # start-up: scikit-learn

    train = split_n == "train"
    parts = components(features_nf, train, DIRECTIONS)
    found = Columns(parts, [f"PC {place + 1}" for place in range(parts.shape[1])], ["component"] * parts.shape[1])
    scaled = standardised(features_nf, train)
    truth = phenotypes.to_numpy(float)
    learnt = [c for c in range(truth.shape[1]) if (train & ~np.isnan(truth[:, c])).sum() >= SMALLEST_COUNT]
    if learnt and scaled.shape[1]:
        directions = np.column_stack([fit_number(scaled, truth[:, column], split_n)(scaled) for column in learnt])
        titles = [f"{phenotypes.columns[column]} from images" for column in learnt]
        found = found.joined(Columns(directions, titles, ["direction"] * len(learnt)))
    return found.joined(Columns(truth, list(phenotypes.columns), ["phenotype"] * truth.shape[1]))


def table_traits(fields: pd.DataFrame, features_tsv: Path) -> tuple[Columns, list[str]]:
    """Features of the table, dated ones too, and the name of each column's feature."""
    features = {each.name: each for each in table_features(features_tsv, dated=True)}
    values, names = columns_of(fields, list(features.values()))
    titles = [f"{features[name].title} {shown}".strip() for name, shown in names]
    return Columns(values, titles, [features[name].group for name, _ in names]), [name for name, _ in names]


def disease_traits(
    diagnoses: pl.DataFrame,
    lists: Mapping[str, Collection[str]],
    eids: pd.Index,
    end: End = None,
) -> Columns:
    """For each disease: whether it was diagnosed up to the scan, and, in those without it until then, whether after
    it.
    """
    import polars as pl  # start-up

    from vita.cohort.cases import find_cases
    from vita.cohort.icd10 import expand_all

    values, titles, kinds = [], [], []
    for disease, codes in code_lists(lists).items():
        facts = find_cases(diagnoses, {"it": expand_all(codes)})
        before = pl.when(~pl.col("has_it")).then(0.0).otherwise((pl.col("date_it") <= pl.col("imaging_date")) + 0.0)
        known = facts.select("eid", before=before).to_pandas().set_index("eid")["before"]
        later = at_risk(diagnoses, codes, end)
        values += [
            known.reindex(eids).to_numpy(float),
            (later["event"] == DISEASE).reindex(eids).astype(float).to_numpy(),
        ]
        titles += [f"{TITLES[disease]}, {when} the scan" for when in ("before", "after")]
        kinds += [BEFORE, AFTER]
    return Columns(np.column_stack(values), titles, kinds)


def covariates_of(fields: pd.DataFrame, centre: pd.Series) -> tuple[np.ndarray, list[str]]:
    """Age, age squared, sex, body surface area (Mosteller) and each assessment centre except the first.

    Args:
        fields: fields.parquet by `eid`; a missing column is not used as a covariate.
        centre: centre of the scan's visit; participants with an unknown centre count as a separate one.
    """
    values = {name: fields[name].astype("Float64").to_numpy(dtype=float, na_value=np.nan) for name in fields.columns}
    found: dict[str, np.ndarray] = {}
    if "age" in values:
        found |= {"age": values["age"], "age squared": (values["age"] - np.nanmean(values["age"])) ** 2}
    if "sex" in values:
        found["sex"] = values["sex"]
    if {"standing_height", "weight"} <= values.keys():
        found[SIZE] = np.sqrt(values["standing_height"] * values["weight"] / 3600)
    known = centre.fillna(-1).to_numpy(float)
    for code in np.unique(known)[1:]:
        found[f"centre {code:.0f}"] = (known == code).astype(float)
    return np.column_stack(list(found.values())) if found else np.zeros((len(fields), 0)), list(found)


def associate(
    outcomes: Columns, traits: Columns, covariates: np.ndarray, leave: Sequence[Sequence[int]]
) -> pd.DataFrame:
    """One row per outcome and trait; traits with a small group have a note instead of numbers."""
    few = np.array([_few(column) for column in traits.numbers.T])
    values = np.where(few[None, :], np.nan, traits.numbers)
    found, counts = scan(outcomes.numbers, values, covariates, leave)
    m, d = counts.shape
    table = pd.DataFrame(
        {
            "kind": np.tile(outcomes.kinds, m),
            "outcome": np.tile(outcomes.titles, m),
            "group": np.repeat(traits.kinds, d),
            "trait": np.repeat(traits.titles, d),
            "n": counts.ravel(),
        }
    )
    table = table.assign(**dict(zip(("effect", "low", "high", "p"), found[:4].reshape(4, -1), strict=True)))
    table["q"] = false_discovery(table["p"].to_numpy(float))
    table["note"] = np.where(np.repeat(few, d), FEW, np.where(table["p"].isna(), CONSTANT, ""))
    return table[COLUMNS]


def _few(column: np.ndarray) -> bool:
    """Whether a binary trait has fewer than ten people in one group, or a number fewer than ten in total."""
    known = column[~np.isnan(column)]
    kinds, sizes = np.unique(known, return_counts=True)
    return known.size < SMALLEST_COUNT or (kinds.size == 2 and sizes.min() < SMALLEST_COUNT)


def main(arguments: list[str] | None = None) -> None:
    """Command line; see the module's docstring."""
    parser = cli.parser(__doc__)
    parser.add_argument("--features", nargs=1, required=True, metavar="CONTROL=FILE", help="features of the image")
    for name, what in {
        "phenotypes": "phenotypes.parquet",
        "fields": "fields.parquet",
        "split": "split.parquet",
        "feature-table": "features.tsv",
        "diagnoses": "diagnoses.parquet",
        "output": "associations, CSV to write",
        "inflation": "genomic-control lambda, CSV to write",
        "genetics": "folder to write files for regenie and PLINK into",
    }.items():
        parser.add_argument(f"--{name}", required=True, type=Path, help=what)
    cli.add_settings(parser, "seed and the block labels")
    args = parser.parse_args(arguments)
    import polars as pl  # start-up

    split = read_split(args.split)
    (features,) = read_features(cli.named_files(args.features, "--features"), split.index).values()
    phenotypes = pd.read_parquet(args.phenotypes).set_index("eid").select_dtypes("number").reindex(split.index)
    outcomes = image_outcomes(features, phenotypes, split.to_numpy())
    fields = read_fields(args.fields, split.index)
    diagnoses = pl.read_parquet(args.diagnoses)
    traits, names = table_traits(fields, args.feature_table)
    lists = needed(args.settings, "labels.codes")
    end = follow_up_end(args.settings)
    diseases = disease_traits(diagnoses, lists, split.index, end)
    centre = diagnoses.select("eid", "centre").to_pandas().set_index("eid")["centre"].reindex(split.index)
    covariates, titles = covariates_of(fields, centre)
    leave = [[place for place, title in enumerate(titles) if name in SAME.get(title, ())] for name in names]
    leave += [[] for _ in diseases.titles]
    own = (split != "train").to_numpy()
    joined = traits.joined(diseases)
    studied = Columns(joined.numbers[own], joined.titles, joined.kinds)
    chosen = Columns(outcomes.numbers[own], outcomes.titles, outcomes.kinds)
    table = associate(chosen, studied, covariates[own], leave)
    shuffled = permuted_inflation(
        chosen.numbers, studied.numbers, covariates[own], PERMUTATIONS, needed(args.settings, "seed")
    )
    rates = {"observed": inflation(table["p"].to_numpy(float)), "shuffled": shuffled}
    lambdas = pd.DataFrame({"traits": list(rates), "lambda": list(rates.values()), "tests": table["p"].notna().sum()})
    for path, frame in {args.output: table, args.inflation: lambdas}.items():
        with replacing(path) as part:
            frame.to_csv(part, index=False)
    genetics.write(split.index, outcomes.numbers, outcomes.titles, args.genetics / "phenotypes.txt", normal=True)
    genetics.write(split.index, covariates, titles, args.genetics / "covariates.txt", normal=False)
    log.info("%d tests, lambda %.3f, shuffled %.3f", lambdas["tests"].iloc[0], *rates.values())


if __name__ == "__main__":
    cli.run(main)

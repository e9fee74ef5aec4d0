"""The table of all participants, any part of which may be given, and how the commands about it read it."""

import argparse
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from vita.cohort.features import Feature
from vita.config.blocks import needed
from vita.extensions.inputs import columns_of, read_features, read_fields, table_features
from vita.runtime import cli
from vita.runtime.errors import UserError
from vita.tabular.leakage import Exclude, excluded
from vita.tabular.targets import Target

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Table:
    """The table of everybody: a column per number and yes/no, and one per class of a category but the first.

    Attributes:
        values_nc: (participants, columns), NaN where unknown.
        feature_of: (columns,) the feature of each column.
        features: in order.
    """

    values_nc: np.ndarray
    feature_of: np.ndarray
    features: list[Feature]

    @classmethod
    def of(cls, fields: pd.DataFrame, features: Sequence[Feature], train_n: np.ndarray) -> "Table":
        """From fields.parquet by `eid`; features that nobody in training has are left out."""
        values, columns = columns_of(fields, features)
        there = ~np.isnan(values[train_n]).all(axis=0)
        own = [name for (name, _), known in zip(columns, there, strict=True) if known]
        kept = [feature for feature in features if feature.name in own]
        place = {feature.name: number for number, feature in enumerate(kept)}
        return cls(values[:, there], np.array([place[name] for name in own], dtype=int), kept)

    @property
    def known_nf(self) -> np.ndarray:
        """(participants, features) bool, whether known."""
        known = np.zeros((len(self.values_nc), len(self.features)), dtype=bool)
        known[:, self.feature_of] = ~np.isnan(self.values_nc)  # columns of a feature are known together
        return known

    def seen(self, rows: np.ndarray, seen_nf: np.ndarray) -> np.ndarray:
        """Columns (rows, columns) of some participants, NaN where a feature is not seen."""
        return np.where(seen_nf[:, self.feature_of], self.values_nc[rows], np.nan)


def add_options(parser: argparse.ArgumentParser) -> None:
    """Options of a command about any part of the table, except its tasks and their tables."""
    parser.add_argument("--features", nargs=1, required=True, metavar="CONTROL=FILE", help="features of the image")
    parser.add_argument("--fields", required=True, type=Path, help="fields.parquet")
    parser.add_argument("--split", required=True, type=Path, help="split.parquet")
    parser.add_argument("--targets", required=True, type=Path, help="targets.tsv, features.tsv beside it")
    parser.add_argument("--predictions", nargs="*", metavar="TASK=FILE", help="ViTa's predictions of each task")
    parser.add_argument("--output", required=True, type=Path, help="CSV to write")
    cli.add_settings(parser, "seed and the block tabular")


@dataclass(frozen=True)
class Sources:
    """What `add_options` gives: the image's features by its name, files, and config tabular.exclude."""

    features: Mapping[str, Path]
    fields: Path
    split: Path
    targets: Path
    exclude: Exclude

    @classmethod
    def of(cls, options: Mapping[str, Any]) -> "Sources":
        """From the values of the command line."""
        features = cli.named_files(options["features"], "--features")
        exclude = needed(options["settings"], "tabular.exclude") or []
        return cls(features, options["fields"], options["split"], options["targets"], exclude)


def read(
    sources: Sources,
    split: pd.Series,
    tasks: Sequence[str],
    targets: Sequence[Target],
    tables: Sequence[Path],
    extension: str,
) -> tuple[Table, str, np.ndarray]:
    """The table without what is or reveals a target, and the image's name and features (participants, features).

    Args:
        sources: files.
        split: of everybody, by `eid`.
        tasks: those of the extension.
        targets: theirs.
        tables: with the values of the targets.
        extension: its name, for the error.

    Raises:
        UserError: a file is missing or belongs to another split, or no feature is left.
    """
    fields = read_fields(sources.fields, split.index)
    ((image, image_nf),) = read_features(sources.features, split.index).items()
    features = table_features(sources.targets.with_name("features.tsv"))
    features = allowed(features, targets, tasks, sources.exclude, [sources.fields, *tables], sources.split)
    table = Table.of(fields, features, split.to_numpy() == "train")
    if not table.features:
        raise UserError(
            f"{sources.fields}: no feature is left for the extension {extension}, apart from what is or reveals one of "
            "its targets and config tabular.exclude; take it out of config extensions"
        )
    return table, image, image_nf


def allowed(
    features: Sequence[Feature], targets: Sequence[Target], tasks: Sequence[str], exclude: Exclude,
    tables: Sequence[Path], split: Path,
) -> list[Feature]:  # fmt: skip
    """Features that neither are nor reveal one of the targets, nor are kept out of a task by the configuration.

    Args:
        features: of the table.
        targets: diseases or phenotypes.
        tasks: theirs.
        exclude: `tabular.exclude` of the configuration.
        tables: fields.parquet and those of the targets, in whose training participants dependence is measured.
        split: split.parquet.
    """
    from vita.tabular.dependence import dependences, training_values  # start-up: polars and scipy
    from vita.tabular.overlap import overlaps

    values = training_values(split, tables)
    measured = dependences(values, [each.column for each in targets], [each.name for each in features])
    named = {each.name: each for each in features}
    out = {found.name for each in targets for found, _ in overlaps(each, features, named, measured)}
    out |= {name for task in tasks for name in excluded(exclude, task)}
    kept = [each for each in features if not {each.name, each.group} & out]
    log.info("left out of the table: %s", ", ".join(sorted({*named} - {each.name for each in kept})) or "nothing")
    return kept

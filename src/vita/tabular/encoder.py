"""Encode the 117 input features for Stage II: z-scores, 0/1 and class indices, without missing values.

Every statistic (mean, spread, mode, median) comes from the training split alone and is kept in encoder.json; val and
test are only transformed. A missing number becomes the training mean (or median), a missing class the training mode.
The ten ventricular phenotypes come from phenotypes.parquet. `tabular.exclude` leaves out features by name or group.
"""

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import cast

import polars as pl

from vita.cohort.features import Feature, inputs, load_features
from vita.cohort.split_table import split_hash
from vita.config.blocks import needed
from vita.runtime import cli
from vita.runtime.atomic import replacing, write_text
from vita.runtime.errors import UserError

LOG = logging.getLogger(__name__)
EID = "eid"  # the key of every table between rules
PHENOTYPE_GROUPS = ("sa_phenotypes", "la_phenotypes")


@dataclass(frozen=True)
class EncodedFeature:
    """How a feature is encoded. Numbers: (x - mean) / std, with `fill` for missing ones. Codes: index in `classes`."""

    name: str
    kind: str
    mean: float | None = None
    std: float | None = None
    fill: float | None = None
    mode: int | None = None
    classes: tuple[int, ...] = ()


@dataclass(frozen=True)
class Encoder:
    """The features of the table encoder in their order, with statistics of `n_train` training participants."""

    features: tuple[EncodedFeature, ...]
    n_train: int
    split_hash: str

    def count(self, kind: str) -> int:
        """Number of features of a kind."""
        return sum(each.kind == kind for each in self.features)

    @property
    def categories(self) -> list[int]:
        """Number of classes of each categorical feature."""
        return [len(each.classes) for each in self.features if each.kind == "categorical"]


def main(arguments: Sequence[str] | None = None) -> None:
    """Command line of `python -m vita.tabular.encoder`."""
    parser = cli.parser(__doc__)
    parser.add_argument("--fields", required=True, type=Path, help="fields.parquet")
    parser.add_argument("--phenotypes", type=Path, help="phenotypes.parquet, if the features have phenotypes")
    parser.add_argument("--split", required=True, type=Path, help="split.parquet")
    parser.add_argument("--features", required=True, type=Path, help="the feature table, features.tsv")
    parser.add_argument("--encoder", required=True, type=Path, help="output: statistics, encoder.json")
    parser.add_argument("--output", required=True, type=Path, help="output: encoded.parquet")
    cli.add_settings(parser, "block tabular of config.yaml, its `exclude` a list")
    args = parser.parse_args(arguments)
    split = pl.read_parquet(args.split)
    features = chosen_features(load_features(args.features), args.settings)
    table = input_table(args.fields, args.phenotypes, features).join(split, on=EID, how="right")
    features = [each for each in features if each.name in table.columns]
    impute = needed(args.settings, "tabular.impute")
    encoder = fit(table.filter(pl.col("split") == "train"), features, impute, split_hash(split[EID], split["split"]))
    with replacing(args.output) as path:
        encode(table, encoder).sort(EID).write_parquet(path, compression="zstd")
    write_text(args.encoder, json.dumps(asdict(encoder), indent=1) + "\n")
    LOG.info("%d participants, %d features, statistics of %d", len(table), len(features), encoder.n_train)


def chosen_features(features: Sequence[Feature], settings: Mapping[str, object]) -> list[Feature]:
    """Input features without those of `tabular.exclude`, here a list.

    Raises:
        UserError: an entry is neither a feature nor a group, or nothing is left.
    """
    leave = needed(settings, "tabular.exclude") or []
    own = inputs(list(features))
    unknown = set(leave) - {each.name for each in own} - {each.group for each in own}
    if unknown:
        raise UserError(f"config tabular.exclude: there is no input feature or group {', '.join(sorted(unknown))}")
    kept = [each for each in own if each.name not in leave and each.group not in leave]
    if not kept:
        raise UserError("config tabular.exclude leaves no feature")
    return kept


def input_table(fields: Path, phenotypes: Path | None, features: Sequence[Feature]) -> pl.DataFrame:
    """`eid` and the features' raw values, including phenotypes.

    Raises:
        UserError: a feature is a phenotype, but there is no table of phenotypes.
    """
    table = pl.read_parquet(fields)
    measured = [each.name for each in features if each.group in PHENOTYPE_GROUPS]
    if measured:
        if phenotypes is None:
            raise UserError(f"features {', '.join(measured)} need the table of phenotypes; give --phenotypes")
        own = pl.read_parquet(phenotypes, columns=[EID, *measured]).fill_nan(None)
        table = table.drop(measured, strict=False).join(own, on=EID, how="left")
    absent = [each.name for each in features if each.name not in table.columns]
    if absent:
        LOG.warning("features without a column, left out: %s", ", ".join(absent))
    return table.select(EID, *(each.name for each in features if each.name in table.columns))


def fit(train: pl.DataFrame, features: Sequence[Feature], impute: str, fingerprint: str) -> Encoder:
    """Statistics of the training participants.

    Args:
        train: rows of the training split, a column per feature.
        features: in the encoder's order.
        impute: mean or median, for missing numbers.
        fingerprint: hash of the split.

    Raises:
        UserError: a feature has no value in the training split, or `impute` is unknown.
    """
    if impute not in ("mean", "median"):
        raise UserError(f"config tabular.impute: {impute!r} is neither mean nor median")
    empty = [each.name for each in features if train[each.name].null_count() == len(train)]
    if empty:
        raise UserError(
            f"no participant of the training split has a value of {', '.join(empty)}; "
            "add the tables that have them, or leave them out with tabular.exclude"
        )
    fitted = [_fit_one(train[each.name], each, impute) for each in features]
    return Encoder(tuple(fitted), len(train), fingerprint)


def _fit_one(values: pl.Series, feature: Feature, impute: str) -> EncodedFeature:
    if feature.kind == "numerical":
        # a numerical column with at least one value, so none of these is missing or of another type
        mean, std = float(cast(float, values.mean())), float(cast(float, values.std(ddof=0)))
        fill = mean if impute == "mean" else float(cast(float, values.median()))
        return EncodedFeature(feature.name, feature.kind, mean=mean, std=std if std > 0 else 1.0, fill=fill)
    mode = int(values.drop_nulls().mode().sort()[0])
    return EncodedFeature(feature.name, feature.kind, mode=mode, classes=feature.classes)


def encode(table: pl.DataFrame, encoder: Encoder) -> pl.DataFrame:
    """`eid` and the encoded features: float32 z-scores and int16 class indices; nothing is missing."""
    return table.select(EID, *(_encode_one(each) for each in encoder.features))


def _encode_one(feature: EncodedFeature) -> pl.Expr:
    value = pl.col(feature.name)
    if feature.kind == "numerical":
        return ((value.fill_null(feature.fill) - feature.mean) / feature.std).cast(pl.Float32)
    places = {code: place for place, code in enumerate(feature.classes)}
    return value.fill_null(feature.mode).replace_strict(places, return_dtype=pl.Int16)


def load_encoder(path: str | Path) -> Encoder:
    """Read encoder.json.

    Raises:
        UserError: it cannot be read, or is not one.
    """
    try:
        stored = json.loads(Path(path).read_text(encoding="utf-8"))
        features = tuple(EncodedFeature(**{**each, "classes": tuple(each["classes"])}) for each in stored["features"])
        return Encoder(features, stored["n_train"], stored["split_hash"])
    except (OSError, KeyError, TypeError, json.JSONDecodeError) as error:
        raise UserError(f"{path}: not an encoder of vita.tabular.encoder: {error}") from error


if __name__ == "__main__":
    cli.run(main)

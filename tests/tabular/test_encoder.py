"""Encoding: training statistics only, nothing missing, every feature reaches the output; and the targets' values."""

import statistics
from pathlib import Path

import numpy as np
import polars as pl
import pytest

import filled
from cohort import world
from vita.cohort.extraction import extract
from vita.cohort.features import inputs, load_features
from vita.runtime.errors import UserError
from vita.tabular import encoder
from vita.tabular.encoder import encode, fit, load_encoder
from vita.tabular.truth import load_targets

FEATURES = load_features(world.FEATURES)
PHENOTYPES = [each.name for each in FEATURES if each.group in encoder.PHENOTYPE_GROUPS]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Files of a small cohort: fields, phenotypes (shifted from the fields' by 1000), labels, split."""
    folder = tmp_path_factory.mktemp("tabular")
    table = world.classic(folder / "t.csv", world.make_world(120))
    frame = pl.concat(extract([table], FEATURES, filled.cohort(), (), folder))
    frame.write_parquet(folder / "fields.parquet")
    measured = frame.select("eid", *(pl.col(name).fill_null(90) + 1000 for name in PHENOTYPES))
    measured[:100].with_columns(LVM=pl.lit(float("nan"))).with_columns(
        LVM=pl.when(pl.col("eid") % 2 == 0).then(100.0).otherwise("LVM")
    ).write_parquet(folder / "phenotypes.parquet")
    label = pl.Series("cad", [True, False, None] * 40)
    frame.select("eid", label).write_parquet(folder / "labels.parquet")
    names = ["train"] * 70 + ["val"] * 15 + ["test"] * 15
    frame[:100].select("eid", split=pl.Series(names)).write_parquet(folder / "split.parquet")
    return folder


def run(folder: Path, out: Path, **settings: dict) -> tuple[pl.DataFrame, encoder.Encoder]:
    given = {"--fields": folder / "fields.parquet", "--phenotypes": folder / "phenotypes.parquet"}
    given |= {"--split": folder / "split.parquet", "--features": world.FEATURES}
    given |= {"--encoder": out / "encoder.json", "--output": out / "encoded.parquet"}
    arguments = [str(part) for pair in given.items() for part in pair]
    encoder.main([*arguments, "--settings", filled.argument(**{"tabular": {}, **settings})])
    return pl.read_parquet(out / "encoded.parquet"), load_encoder(out / "encoder.json")


def test_contract(folder, tmp_path):
    encoded, fitted = run(folder, tmp_path)
    assert encoded.columns == ["eid", *(each.name for each in inputs(FEATURES))]
    assert encoded.null_count().sum_horizontal().item() == 0
    assert encoded.dtypes == [pl.Int64] + [pl.Float32] * 67 + [pl.Int16] * 50
    assert (fitted.count("numerical"), fitted.count("binary"), len(fitted.categories)) == (67, 18, 32)
    assert fitted.n_train == 70
    for each in fitted.features:
        if each.classes:
            assert encoded[each.name].is_between(0, len(each.classes) - 1).all()


def test_statistics_come_from_train_alone(folder, tmp_path):
    encoded, _ = run(folder, tmp_path)
    split = pl.read_parquet(folder / "split.parquet")
    train = encoded.join(split, on="eid").filter(pl.col("split") == "train")
    for each in inputs(FEATURES)[:67]:
        assert train[each.name].mean() == pytest.approx(0, abs=1e-5)
    raw = pl.read_parquet(folder / "fields.parquet").join(split.filter(pl.col("split") == "train"), on="eid")
    bmi = load_encoder(tmp_path / "encoder.json").features[8]
    assert (bmi.name, bmi.mean) == ("bmi", pytest.approx(raw["bmi"].mean()))
    assert bmi.std == pytest.approx(float(np.nanstd(raw["bmi"].to_numpy())))


def test_phenotypes_are_those_of_the_table_of_phenotypes(folder, tmp_path):
    means = {each.name: each.mean for each in run(folder, tmp_path)[1].features}
    assert means["LVEDV"] > 1000
    assert means["LVM"] == 100  # those without a measurement (NaN) count as missing


def test_median_and_mode_fill_what_is_missing(folder, tmp_path):
    encoded, fitted = run(folder, tmp_path, tabular={"impute": "median"})
    raw = pl.read_parquet(folder / "fields.parquet").join(encoded.select("eid"), on="eid", how="semi").sort("eid")
    by_name = {each.name: each for each in fitted.features}
    bmi, falls = by_name["bmi"], by_name["falls"]
    holes = raw["bmi"].is_null()
    assert encoded["bmi"].filter(holes).to_numpy() == pytest.approx((bmi.fill - bmi.mean) / bmi.std, abs=1e-6)
    assert set(encoded["falls"].filter(raw["falls"].is_null())) == {falls.classes.index(falls.mode)}
    assert falls.mode == statistics.mode(sorted(raw["falls"][:70].drop_nulls()))  # training; of equals, the lowest code
    assert falls.mode < raw["falls"][:70].max()


def test_every_feature_reaches_the_encoding():
    """Two people who differ in one feature alone are encoded differently in its column alone."""
    features = inputs(FEATURES)
    low = {each.name: (each.classes[0] if each.classes else 1.0) for each in features}
    high = {each.name: (each.classes[-1] if each.classes else 3.0) for each in features}
    fitted = fit(pl.DataFrame([low, high]), features, "mean", "hash")
    base = encode(pl.DataFrame([{"eid": 1, **low}]), fitted)
    for each in features:
        other = encode(pl.DataFrame([{"eid": 1, **low, each.name: high[each.name]}]), fitted)
        assert [name for name in base.columns if base[name][0] != other[name][0]] == [each.name]


def test_exclude_by_name_and_group(folder, tmp_path):
    encoded, _ = run(folder, tmp_path, tabular={"exclude": ["diagnoses", "sa_phenotypes", "bmi"]})
    dropped = {each.name for each in inputs(FEATURES) if each.group in ("diagnoses", "sa_phenotypes")} | {"bmi"}
    assert set(encoded.columns) == {"eid", *(each.name for each in inputs(FEATURES))} - dropped
    with pytest.raises(UserError, match=r"tabular\.exclude: there is no input feature or group nonsense"):
        run(folder, tmp_path, tabular={"exclude": ["nonsense"]})


def test_a_feature_without_any_training_value_is_named(folder, tmp_path):
    pl.read_parquet(folder / "fields.parquet").with_columns(bmi=pl.lit(None, pl.Float64)).write_parquet(
        tmp_path / "fields.parquet"
    )
    for name in ("phenotypes", "split"):
        (tmp_path / f"{name}.parquet").write_bytes((folder / f"{name}.parquet").read_bytes())
    with pytest.raises(UserError, match="no participant of the training split has a value of bmi"):
        run(tmp_path, tmp_path)


def targets(folder: Path, task: str):
    paths = [folder / f"{name}.parquet" for name in ("fields", "phenotypes", "labels")]
    return load_targets(world.TARGETS, task, *paths)


def test_targets_have_their_values(folder):
    raw = pl.read_parquet(folder / "fields.parquet")
    frame, rows = targets(folder, "categorical_features")
    assert len(rows) == frame.shape[1] == 32
    assert frame.index.name == "eid"
    place = {1: 0, 2: 1, 3: 2}
    assert frame["falls"].fillna(-1).tolist() == [place.get(code, -1) for code in raw["falls"]]
    assert [row.classes for row in rows if row.name == "falls"] == [3]
    frame, rows = targets(folder, "disease_cad")
    assert rows[0].classes == 2
    assert frame["cad"].fillna(-1).tolist() == [1, 0, -1] * 40
    frame, _ = targets(folder, "physiological")
    assert frame["bmi"].to_numpy() == pytest.approx(raw["bmi"].to_numpy(), nan_ok=True)


def test_unknown_task_and_absent_table_are_named(folder, tmp_path):
    with pytest.raises(UserError, match="no target of task 'nothing'; tasks are sa_phenotypes, la_phenotypes"):
        targets(folder, "nothing")
    with pytest.raises(UserError, match="needs the table of its labels, which is not at"):
        load_targets(world.TARGETS, "disease_cad", None, None, tmp_path / "labels.parquet")

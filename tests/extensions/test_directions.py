"""Hearts along directions: the voxels' regression, whose training alone decides, and nobody who is seen alone."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from tests.training import toy

from vita.extensions import directions
from vita.images.shards import ShardReader
from vita.report.figures import latent_directions
from vita.runtime.errors import UserError

PEOPLE = 120


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> toy.Toy:
    """Toy hearts with the features of an encoder that sees their radius, and of some who are known to be older."""
    folder = tmp_path_factory.mktemp("toy")
    cohort = toy.make(folder, PEOPLE)
    phenotypes = pd.read_parquet(folder / "phenotypes.parquet")
    radius = np.sqrt(phenotypes["LVESV"].to_numpy() / 3)
    noise = np.random.default_rng(3).standard_normal((PEOPLE, 4))
    features = pd.DataFrame({"eid": phenotypes["eid"], "a": 2 * radius, **{f"b{k}": noise[:, k] for k in range(4)}})
    features.to_parquet(folder / "features.parquet", index=False)
    fields = pd.DataFrame({"eid": phenotypes["eid"], "age": np.where(np.arange(PEOPLE) < 8, 60.0, np.nan)})
    fields.to_parquet(folder / "ages.parquet", index=False)
    return cohort


def run(cohort: toy.Toy, folder: Path, out: Path, split: Path | None = None) -> tuple[np.ndarray, pd.DataFrame]:
    out.mkdir()
    directions.main(
        [
            *("--features", f"probe_vita={folder / 'features.parquet'}", "--shards", *map(str, cohort.shards)),
            *("--split", str(split or cohort.split), "--phenotypes", str(folder / "phenotypes.parquet")),
            *("--fields", str(folder / "ages.parquet"), "--settings", json.dumps(toy.blocks())),
            *("--images", str(out / "i.npz"), "--output", str(out / "d.csv")),
        ]
    )
    with np.load(out / "i.npz", allow_pickle=False) as arrays:
        return arrays["pictures"], pd.read_csv(out / "d.csv")


def test_voxels_are_regressed_on_the_direction_over_training(made: toy.Toy, tmp_path: Path) -> None:
    pictures, table = run(made, made.folder, tmp_path / "out")
    split = pd.read_parquet(made.split).set_index("eid")["split"]
    eids = split.index[split == "train"]
    phenotypes = pd.read_parquet(made.folder / "phenotypes.parquet").set_index("eid")
    # the ridge's direction is the radius, up to what noise adds
    features = pd.read_parquet(made.folder / "features.parquet").set_index("eid").to_numpy()
    numbers = {"LVEDV": phenotypes["LVEDV"].to_numpy()}
    (direction, _) = directions.directions(features, numbers, split.to_numpy())
    place = direction.place_n[(split == "train").to_numpy()]
    assert place.mean() == pytest.approx(0, abs=1e-9)
    assert place.std() == pytest.approx(1)
    reader = ShardReader(made.shards)
    frames = [0, 2, 4, 6, 8]
    hearts = np.stack([reader.voxels(int(eid), frames) for eid in eids]).astype(float)
    for panel, (plane, frame) in enumerate([(2, 0), (5, 0), (5, 2)]):
        flat = hearts[:, plane, frame].reshape(len(eids), -1)
        slope, middle = np.polyfit(place, flat, 1)
        for step, at in enumerate((-2, 0, 2)):
            assert pictures[0, step, panel].ravel() == pytest.approx(middle + at * slope, abs=2e-3)
    # larger hearts are bright further out
    assert pictures[0, 2, 0].sum() > pictures[0, 1, 0].sum() > pictures[0, 0, 0].sum()
    own = table[table["direction"] == "LVEDV"].iloc[0]
    known = phenotypes["LVEDV"].loc[eids].notna().to_numpy()
    slope, middle = np.polyfit(place[known], phenotypes["LVEDV"].loc[eids][known], 1)
    assert own[["low", "middle", "high"]].astype(float).tolist() == pytest.approx(
        [middle - 2 * slope, middle, middle + 2 * slope]
    )
    assert own["r"] > 0.9
    assert own["n"] == len(eids)
    change = pictures[0, 2, 0].astype(float) - pictures[0, 0, 0]
    assert own["change"] == pytest.approx(np.sqrt((change**2).mean()), rel=1e-3)


def test_people_of_other_splits_change_no_picture(made: toy.Toy, tmp_path: Path) -> None:
    pictures, _ = run(made, made.folder, tmp_path / "out")
    split = pd.read_parquet(made.split)
    swapped = split.assign(split=split["split"].replace({"test": "left out"}))
    swapped.to_parquet(tmp_path / "split.parquet", index=False)
    kept = swapped[swapped["split"] != "left out"]
    kept.to_parquet(tmp_path / "split.parquet", index=False)
    without, table = run(made, made.folder, tmp_path / "other", tmp_path / "split.parquet")
    assert np.array_equal(pictures, without)
    assert table["r"].isna().all()  # nobody to measure it on


def test_what_few_people_have_is_not_drawn(made: toy.Toy, tmp_path: Path) -> None:
    pictures, table = run(made, made.folder, tmp_path / "out")
    assert len(pictures) == 2
    noted = table[table["note"].notna()]
    assert noted["direction"].tolist() == ["LVEF", "age", "bmi"]
    assert noted["note"].unique().tolist() == [directions.FEW]


def test_nobody_weighs_more_than_a_tenth() -> None:
    place = np.random.default_rng(0).standard_normal(400)
    own = directions.weights(place)
    assert own.sum(axis=1) == pytest.approx(1)
    assert own @ place == pytest.approx(directions.STEPS)  # the regression of the direction on itself
    assert directions.shows_nobody(own)
    assert not directions.shows_nobody(directions.weights(place[:12]))  # enough people, but some weigh too much
    far = np.append(place[:100], 60.0)  # one who is unlike a hundred others
    assert not directions.shows_nobody(directions.weights((far - far.mean()) / far.std()))
    assert not directions.shows_nobody(np.full((3, 9), 0.01))


def test_a_single_frame_has_no_systole() -> None:
    assert [frame for _, _, frame in directions.panels(5)] == [0, 0, 2]
    assert [frame for _, _, frame in directions.panels(25)] == [0, 0, 9]
    assert len(directions.panels(1)) == 2


def test_the_figure_is_the_same_twice_and_says_what_is_not_scanned(made: toy.Toy, tmp_path: Path) -> None:
    run(made, made.folder, tmp_path / "out")
    with np.load(tmp_path / "out/i.npz") as arrays:
        pictures, names = arrays["pictures"].copy(), arrays["directions"]
    pictures[:, :, 0] = 0  # a cohort without long-axis planes
    np.savez(tmp_path / "i.npz", pictures=pictures, directions=names)
    for name in ("first", "second"):
        figure(tmp_path / "i.npz", tmp_path / "out/d.csv", tmp_path / name)
    assert (tmp_path / "first.svg").read_bytes() == (tmp_path / "second.svg").read_bytes()
    svg = (tmp_path / "first.svg").read_text()
    assert svg.count("not scanned") == 4 * 2
    assert "PC 1" in svg
    drawn = pd.read_csv(tmp_path / "first.csv")
    assert len(drawn) == 2 * 3
    # one direction less than the numbers
    np.savez(tmp_path / "other.npz", pictures=pictures[:1], directions=names[:1])
    with pytest.raises(UserError, match="not of the same run"):
        figure(tmp_path / "other.npz", tmp_path / "out/d.csv", tmp_path / "third")
    pd.read_csv(tmp_path / "out/d.csv").tail(3).to_csv(tmp_path / "none.csv", index=False)
    np.savez(tmp_path / "none.npz", pictures=pictures[:0], directions=names[:0])
    figure(tmp_path / "none.npz", tmp_path / "none.csv", tmp_path / "none")
    assert latent_directions.NOTHING in (tmp_path / "none.svg").read_text().replace("\n", " ")


def figure(images: Path, numbers: Path, stem: Path) -> None:
    out = [text for form in ("svg", "png", "csv") for text in (f"--{form}", str(stem.with_suffix(f".{form}")))]
    latent_directions.main(["--images", str(images), "--numbers", str(numbers), *out])

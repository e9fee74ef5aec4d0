"""The split: its shares, balance, steadiness, and that nobody is in it who should not be."""

import json
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from vita.cohort import split
from vita.cohort.icd10 import HIGH_BP, load_code_lists
from vita.cohort.split import make_split
from vita.cohort.split_table import split_hash
from vita.cohort.strata import RAREST_FIRST, participants, stratum
from vita.runtime.errors import UserError

from . import world

LISTS = load_code_lists(world.ICD10)
PREVALENCE = dict(zip(RAREST_FIRST, (0.09, 0.09, 0.10, 0.12, 0.25, 0.25), strict=True))


def cohort(people: int, seed: int) -> pl.DataFrame:
    random = np.random.default_rng(seed)
    diseases = {name: random.random(people) < share for name, share in PREVALENCE.items()}
    eids = random.choice(np.arange(1_000_000, 6_000_000), people, replace=False)
    return pl.DataFrame(
        {"eid": eids, "sex": random.integers(0, 2, people), "age": random.normal(64, 8, people), **diseases}
    ).sort("eid")


def diagnosed(eids: Iterable[int], codes: list[list[str]], visits: list[int | None] | None = None) -> pl.DataFrame:
    """As diagnoses.parquet; `visits` are those at which high blood pressure was reported."""
    eids = list(eids)
    return pl.DataFrame(
        {"eid": eids, "codes": codes, "dates": [[None] * len(own) for own in codes], "high_bp_visit": visits},
        schema_overrides={"codes": pl.List(pl.String), "dates": pl.List(pl.Date), "high_bp_visit": pl.Int8},
    )


def seeded(seed: int) -> dict[str, object]:
    return {"seed": seed, "split": {"val": 0.15, "test": 0.2, "held_out": None}}


def split_of(table: pl.DataFrame, **block: float) -> pl.DataFrame:
    people = table.select("eid", stratum(table.columns))
    return make_split(people, {"seed": 2025, "split": {"val": 0.15, "test": 0.2, "held_out": None} | block})


@pytest.mark.parametrize("seed", range(12))
def test_rare_diseases_reach_the_test_split(seed):
    """72 cases among 800: 14 are expected in a test split of 160, and 10 must be there."""
    table = cohort(800, seed)
    joined = table.join(split_of(table), on="eid").filter(pl.col("split") == "test")
    assert abs(len(joined) - 160) <= 30
    for disease in RAREST_FIRST:
        if table[disease].sum() >= 72:
            assert joined[disease].sum() >= 10


def test_shares_of_a_large_cohort():
    table = cohort(20_000, 1)
    joined = table.join(split_of(table), on="eid")
    for name, share in (("test", 0.2), ("val", 0.15), ("train", 0.65)):
        own = joined.filter(pl.col("split") == name)
        assert len(own) / len(joined) == pytest.approx(share, abs=0.01)
        for column in (*RAREST_FIRST, "sex"):
            assert own[column].mean() == pytest.approx(joined[column].mean(), abs=0.03)
        assert own["age"].mean() == pytest.approx(64, abs=0.5)


def test_a_withdrawal_moves_nobody_in_a_large_cohort():
    table = cohort(20_000, 2)
    before = split_of(table)
    after = split_of(table.filter(~pl.col("eid").is_in(table["eid"].sample(50, seed=3).implode())))
    assert after.equals(before.join(after.select("eid"), on="eid", how="semi"))


def test_a_withdrawal_hardly_ever_moves_anybody_in_a_small_cohort():
    table = cohort(800, 4)
    before = split_of(table)
    moved = 0
    for eid in table["eid"].sample(100, seed=5):
        after = split_of(table.filter(pl.col("eid") != eid))
        moved += not after.equals(before.filter(pl.col("eid") != eid))
    assert moved <= 5


def test_a_number_is_kept_exactly_and_only_the_next_in_line_moves():
    table = cohort(5_000, 6)
    before = split_of(table, test=1000)
    tested = before.filter(pl.col("split") == "test")
    assert len(tested) == 1000
    gone = tested["eid"][17]
    after = split_of(table.filter(pl.col("eid") != gone), test=1000)
    both = before.join(after, on="eid").filter(pl.col("split") != pl.col("split_right"))
    assert len(after.filter(pl.col("split") == "test")) == 1000
    assert len(both) <= 1


def growing(releases: int, seed: int, first: int = 600) -> list[pl.DataFrame]:
    """Releases of a cohort that grows by a fifth each: people withdraw, others come, and some fall ill meanwhile."""
    random = np.random.default_rng(seed)
    pool = cohort(int(first * 1.2**releases), seed).sample(fraction=1, shuffle=True, seed=seed)
    ill = {name: random.random(len(pool)) < 0.05 for name in RAREST_FIRST}
    onset = pl.Series(random.integers(0, releases, len(pool)))
    gone = pl.Series(random.integers(0, 20 * releases, len(pool)))
    found = []
    for release in range(releases):
        new = [(pl.col(name) | (pl.Series(ill[name]) & (onset < release))).alias(name) for name in RAREST_FIRST]
        found.append(
            pool.with_columns(new)
            .head(int(first * 1.2**release))
            .filter(gone.head(int(first * 1.2**release)) > release)
        )
    return found


@pytest.mark.parametrize(
    "block",
    [{}, {"test": 100}, {"test": 100, "val": 0.1}, {"test": 100, "val": 60}, {"val": 200}, {"test": 0.3, "val": 0.05}],
)
def test_in_twenty_releases_nobody_who_was_tested_on_is_ever_trained_on(block):
    tested: set[int] = set()
    before = None
    for table in growing(20, 11):
        found = split_of(table, **block)
        parts = {name: set(own["eid"]) for (name,), own in found.group_by("split")}
        tested |= parts["test"]
        assert not tested & parts["train"]
        size = block.get("test", 0.2)
        assert len(parts["test"]) == size if size >= 1 else abs(len(parts["test"]) / len(found) - size) < 0.06
        assert len(parts["val"]) >= (
            block["val"] if block.get("val", 0) >= 1 else 0.7 * block.get("val", 0.15) * len(found)
        )
        if before is not None and max(block.get("val", 0), block.get("test", 0)) < 1:
            both = before.join(found, on="eid", suffix="_now")
            assert both.filter((pl.col("split") == "train") != (pl.col("split_now") == "train")).is_empty()
        before = found


def test_a_number_needs_enough_people_held_out():
    message = r"config split\.test wants 300 participants, but only 187 of 600 .*set split\.held_out to 0\.62"
    with pytest.raises(UserError, match=message):
        split_of(cohort(600, 8), test=300)
    found = split_of(cohort(600, 8), test=300, held_out=0.62)
    assert found["split"].value_counts().filter(pl.col("split") == "test")["count"].item() == 300
    with pytest.raises(UserError, match=r"config split\.held_out: 0\.1 is less than split\.test: 0\.2"):
        split_of(cohort(600, 8), held_out=0.1)
    with pytest.raises(UserError, match=r"config split\.held_out: 1\.5 is not a share"):
        split_of(cohort(600, 8), held_out=1.5)


def test_seed_changes_the_split_and_row_order_does_not():
    table = cohort(500, 7)
    people = table.select("eid", stratum(table.columns))
    first = make_split(people, seeded(1))
    assert make_split(people.reverse(), seeded(1)).equals(first)
    assert not make_split(people, seeded(2)).equals(first)
    hashes = [split_hash(s["eid"], s["split"]) for s in (first, first.reverse(), make_split(people, seeded(2)))]
    assert hashes[0] == hashes[1] != hashes[2]


@pytest.mark.parametrize(
    ("key", "value"), [("test", 1.5), ("val", -0.1), ("test", "0.2"), ("test", 900), ("val", True)]
)
def test_impossible_sizes_are_refused(key, value):
    with pytest.raises(UserError, match="config split"):
        split_of(cohort(500, 8), **{key: value})


def test_only_people_with_table_and_usable_scan(tmp_path: Path):
    pl.DataFrame(
        {"eid": [1, 1, 2, 3, 4, 5], "view": ["sa", "la_2ch"] + ["sa"] * 4, "participant_usable": [True] * 5 + [False]}
    ).write_parquet(tmp_path / "i.parquet")
    pl.DataFrame({"eid": [2], "step": ["shard"], "reason": ["x"]}).write_parquet(tmp_path / "x.parquet")
    pl.DataFrame({"eid": [1, 2, 3, 9], "sex": [0, 1, 0, 1]}).write_parquet(tmp_path / "f.parquet")
    diagnosed([1, 2, 3, 9], [[], ["I251"], ["I251"], []]).write_parquet(tmp_path / "d.parquet")
    found = participants(*(tmp_path / f"{name}.parquet" for name in "ixfd"), LISTS)
    assert found.rows() == [(1, "none 0", True), (3, "cad", True)]
    assert participants(tmp_path / "i.parquet", tmp_path / "x.parquet")["eid"].to_list() == [1, 3, 4]


def test_people_without_labels_are_in_train_alone(tmp_path: Path):
    """Val and test have their shares of the labelled, whose split is another file; nobody is lost."""
    eids = np.arange(1_000_000, 1_001_000)
    unlabelled = eids[::2]
    pl.DataFrame({"eid": eids, "participant_usable": True}).write_parquet(tmp_path / "i.parquet")
    left_out = {"eid": [*unlabelled, 1_000_001], "step": ["labels"] * 500 + ["shard"], "reason": "x"}
    pl.DataFrame(left_out).write_parquet(tmp_path / "x.parquet")
    paths = {name: str(tmp_path / f"{name}.parquet") for name in ("everybody", "labelled")}
    arguments = ["--index", str(tmp_path / "i.parquet"), "--exclusions", str(tmp_path / "x.parquet")]
    arguments += ["--output", paths["everybody"], "--labelled", paths["labelled"]]
    split.main([*arguments, "--settings", json.dumps(seeded(1))])
    everybody, labelled = (pl.read_parquet(paths[name]) for name in ("everybody", "labelled"))
    assert len(everybody) == 999
    assert set(everybody.filter(pl.col("eid").is_in(unlabelled.tolist()))["split"]) == {"train"}
    assert labelled.equals(everybody.filter(~pl.col("eid").is_in(unlabelled.tolist())))
    parts = dict(labelled["split"].value_counts().iter_rows())
    assert parts["test"] == pytest.approx(0.2 * 499, abs=30)
    assert parts["val"] == pytest.approx(0.15 * 499, abs=30)
    # the labelled are split as they would be alone
    alone = make_split(pl.DataFrame({"eid": labelled["eid"], "stratum": "none"}), seeded(1))
    assert alone.equals(labelled)


def test_strata_are_the_papers_diseases_of_those_with_a_record(tmp_path: Path):
    """Rarest first; high blood pressure without any hospital record is none, as in the paper's labels."""
    eids = [1, 2, 3, 4, 5, 6]
    codes = [["I10", "I219"], ["I10"], ["J459"], ["J459"], [], ["E119", "I251"]]
    diagnosed(eids, codes, [0, None, 2, None, 2, None]).write_parquet(tmp_path / "d.parquet")
    pl.DataFrame({"eid": eids, "participant_usable": [True] * 6}).write_parquet(tmp_path / "i.parquet")
    pl.DataFrame(schema={"eid": pl.Int64, "step": pl.String}).write_parquet(tmp_path / "x.parquet")
    found = participants(tmp_path / "i.parquet", tmp_path / "x.parquet", None, tmp_path / "d.parquet", LISTS)
    assert found["stratum"].to_list() == ["infarct", "hypertension", HIGH_BP, "none", "none", "diabetes"]


def test_command_line(tmp_path: Path):
    table = cohort(200, 9)
    table.select("eid", "sex", "age").write_parquet(tmp_path / "f.parquet")
    codes = [["I219"] if sick else ["J459"] for sick in table["infarct"]]
    diagnosed(table["eid"], codes).write_parquet(tmp_path / "d.parquet")
    table.select("eid", view=pl.lit("sa"), participant_usable=pl.lit(value=True)).write_parquet(tmp_path / "i.parquet")
    pl.DataFrame(schema={"eid": pl.Int64, "step": pl.String, "reason": pl.String}).write_parquet(tmp_path / "x.parquet")
    options = {"--fields": "f", "--diagnoses": "d", "--index": "i", "--exclusions": "x", "--output": "s"}
    arguments = [part for option, name in options.items() for part in (option, str(tmp_path / f"{name}.parquet"))]
    arguments += ["--settings", json.dumps({"seed": 2025, "split": {"val": 0.15, "test": 0.2, "held_out": None}})]
    with pytest.raises(UserError, match="--diagnoses and --icd10 go together"):
        split.main(arguments)
    split.main([*arguments, "--icd10", str(world.ICD10)])
    written = pl.read_parquet(tmp_path / "s.parquet")
    assert written.columns == ["eid", "split"]
    assert set(written["split"]) == {"train", "val", "test"}
    assert written["eid"].to_list() == table["eid"].to_list()

"""The README's blocks: filled from results, everything else untouched."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from vita.report import measured, measured_line, readme
from vita.runtime.errors import UserError

ROOT = Path(__file__).parents[2]
BLOCK = "a\n<!-- table1 -->\nold\n<!-- end of table1 -->\nb\n"


def test_a_block_is_filled_and_the_rest_stays():
    once = readme.replaced(BLOCK, "table1", "| \\1 | new |\n")
    assert once == "a\n<!-- table1 -->\n\n| \\1 | new |\n\n<!-- end of table1 -->\nb\n"
    assert readme.replaced(once, "table1", "| \\1 | new |\n") == once


def test_a_block_is_on_the_one_page_that_has_it(tmp_path):
    texts = {tmp_path / "README.md": "nothing", tmp_path / "guide.md": BLOCK}
    assert readme.page_of(texts, "table1") == tmp_path / "guide.md"
    assert readme.page_of(texts, "table4") == tmp_path / "README.md"
    with pytest.raises(UserError, match=r"README\.md and .*guide\.md; leave it on one"):
        readme.page_of(texts | {tmp_path / "README.md": BLOCK}, "table1")


@pytest.mark.parametrize("text", ["nothing", "<!-- end of table1 -->\n<!-- table1 -->\n", BLOCK + BLOCK])
def test_a_readme_without_the_block_is_refused(text):
    with pytest.raises(UserError, match="once each"):
        readme.replaced(text, "table1", "new")


def test_pictures_become_small(tmp_path):
    noise = np.random.default_rng(0).integers(0, 256, (40, 60, 3), dtype=np.uint8)
    large = np.kron(noise, np.ones((40, 40, 1), np.uint8))
    large[::7] += np.random.default_rng(1).integers(0, 9, large[::7].shape, dtype=np.uint8)
    Image.fromarray(large).save(tmp_path / "large.png")
    assert (tmp_path / "large.png").stat().st_size > readme.LARGEST_BYTES
    readme.shrink(tmp_path / "large.png", tmp_path / "out" / "small.png")
    with Image.open(tmp_path / "out" / "small.png") as picture:
        assert picture.size == (readme.WIDEST_PX, 800)
    assert (tmp_path / "out" / "small.png").stat().st_size <= readme.LARGEST_BYTES


def test_a_picture_that_stays_large_is_refused_and_leaves_nothing(tmp_path):
    noise = np.random.default_rng(0).integers(0, 256, (1200, 1200, 3), dtype=np.uint8)
    Image.fromarray(noise).save(tmp_path / "noise.png")
    with pytest.raises(UserError, match="after it was reduced"):
        readme.shrink(tmp_path / "noise.png", tmp_path / "out.png")
    assert [path.name for path in tmp_path.iterdir()] == ["noise.png"]


def test_unfinished_results_are_named(tmp_path):
    for topic in measured.LINES.values():
        with pytest.raises(UserError, match="run"):
            topic(tmp_path)


def test_measured_values_in_words():
    lines = [measured_line.Line("Dice", "0.97", "0.85", True), measured_line.Line("PSNR", "17 dB")]
    assert measured_line.markdown(lines).splitlines()[2:] == ["| Dice | 0.97 | 0.85 | yes |", "| PSNR | 17 dB |  |  |"]


def test_a_run_without_a_test_split_counts_nobody_in_it(tmp_path):
    (tmp_path / "cohort").mkdir()
    pd.DataFrame({"eid": range(31), "split": ["train"] * 30 + ["val"]}).to_parquet(
        tmp_path / "cohort" / "split.parquet"
    )
    (line,) = measured.participants(tmp_path)
    assert line.value == "30 training, <10 validation, 0 test"


def test_simulations_are_a_line_for_each_kind(tmp_path):
    rows = [
        ("planted hazards", "all", 0.951, 0.93, 1.0, True),
        ("planted hazards", "age", 0.8949, 0.9, 1.0, False),
        ("coverage", "lowest of groups", 0.894, 0.87, 0.93, True),
        ("coverage", "highest of groups", 0.913, 0.87, 0.93, True),
        ("lambda", "permuted traits", 1.004, 0.95, 1.05, True),
    ]
    table = pd.DataFrame(rows, columns=["simulation", "number", "value", "least", "most", "holds"])
    table.to_csv(tmp_path / "s.csv", index=False)
    hazards, coverage, inflation = measured.simulated(tmp_path / "s.csv")
    assert (hazards.value, hazards.aim, hazards.reached) == ("all 0.95, age 0.89", "0.93 to 1.00, 0.90 to 1.00", False)
    assert coverage.value == "lowest of groups 0.89, highest of groups 0.91"
    assert (coverage.aim, coverage.reached) == ("0.87 to 0.93", True)
    assert (inflation.value, inflation.reached) == ("permuted traits 1.00", True)
    with pytest.raises(UserError, match=r"vita\.extensions\.simulations --output"):
        measured.simulated(tmp_path / "none.csv")


def test_the_guide_holds_the_stored_simulations():
    lines = measured.simulated(ROOT / "workflow" / "resources" / "simulations.csv")
    page = (ROOT / "workflow" / "guides" / "results.md").read_text(encoding="utf-8")
    for row in measured_line.markdown(lines).splitlines()[2:]:
        assert row in page
    assert all(line.reached for line in lines)


def test_costs_of_further_seeds_are_apart_from_those_of_the_run(tmp_path: Path) -> None:
    for path, minutes, memory_mb in (("train_stage1/vita", 2, 2500), ("train_stage1/seeds/7/vita", 3, 5000)):
        table = tmp_path / f"benchmarks/{path}.tsv"
        table.parent.mkdir(parents=True, exist_ok=True)
        table.write_text(f"s\tcpu_time\tmax_rss\n90\t{60 * minutes}\t{memory_mb}\n")
    for name, gigabytes in (("models/stage1/vita/model.safetensors", 2), ("seeds/7/models/model.safetensors", 4)):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        with (tmp_path / name).open("wb") as file:
            file.truncate(gigabytes * 10**9)  # sparse
    lines = [(line.value, line.reached) for line in measured.cost(tmp_path)]
    assert lines == [("2.0 GB", True), ("2.5 GB", True), ("2 min", None), ("4.0 GB, 3 min", None)]

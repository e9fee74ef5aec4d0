"""The release of a results folder: aggregates alone, checked, and outcomes for an output checker."""

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from tests.release.conftest import TEST, write

from vita.release.checking import check
from vita.release.cohort import read_cohort
from vita.release.crate import NAME
from vita.release.draft import placed
from vita.release.draft_tables import titled
from vita.release.findings import people
from vita.release.make import make
from vita.runtime.errors import UserError

Tables = dict[str, pd.DataFrame]


def finished(folder: Path, tables: Tables, source: str) -> Path:
    """A results folder with what a run delivers of these people."""
    write(folder, tables, source)
    for name in ("figures", "tables", "metrics/subgroups/sa_phenotypes"):
        (folder / name).mkdir(parents=True)
    found = tables["predictions/sa_phenotypes/vita"].assign(title="volume", unit="mL")
    drawn = found[["target", "title", "unit", "truth", "prediction"]]
    drawn.to_csv(folder / "figures" / "fig5_phenotype_scatter.csv", index=False, float_format="%.6g")
    rng = np.random.default_rng(0)
    values = tables["images/phenotypes"].drop(columns="eid")
    places = pd.DataFrame(rng.normal(size=(len(values), 2)), columns=["x", "y"])
    pd.concat([places, values], axis=1).to_csv(
        folder / "figures" / "fig4_phenotype_tsne.csv", index=False, float_format="%.6g"
    )
    (folder / "figures" / "scan_quality.csv").write_text("row,view,rule,value\n1,sa,few_frames,10\n")
    for form in ("svg", "png"):
        (folder / "figures" / f"scan_quality.{form}").write_bytes(b"<svg></svg>" if form == "svg" else _png())
    error = (found["prediction"] - found["truth"]).abs().groupby(found["target"])
    table = pd.DataFrame({"n": TEST, "mae": error.mean(), "sd": error.std()}).reset_index()
    table.to_csv(folder / "tables" / "table1_sa_phenotypes.csv", index=False)
    (folder / "metrics/subgroups/sa_phenotypes/vita.csv").write_text(
        "target,group,level,n,value\nLVEDV,all,all,120,9.17654321\nLVEDV,sex,female,113,9.01\nLVEDV,sex,male,<10,\n"
    )
    (folder / "data_card.md").write_text(
        "# Data card\n\n|  | train | test | all |\n| --- | --- | --- | --- |\n| Women | 140 | &lt;10 | 147 |\n"
    )
    return folder


def _png() -> bytes:
    import io

    from PIL import Image

    stream = io.BytesIO()
    Image.fromarray(np.zeros((30, 30), np.uint8)).save(stream, format="PNG")
    return stream.getvalue()


@pytest.fixture(scope="module")
def run(tables: Tables, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = finished(tmp_path_factory.mktemp("made") / "results", tables, "files")
    make(folder, folder / "release")
    return folder


def test_nobody_is_singled_out_by_who_holds_the_cohort(run: Path) -> None:
    cohort = read_cohort([run], 10)
    assert not people(check(run / "release", cohort, 10, cohort.ids))
    before = people(check(run / "figures", cohort, 10, cohort.ids))
    assert len(before) == 400  # everybody is in figure 4 as the run draws it


def test_figures_hold_bands_and_hexagons(run: Path) -> None:
    bands = pd.read_csv(run / "release" / "figures" / "fig5_phenotype_scatter.csv")
    assert bands["n"].between(10, 12).all()
    assert bands.groupby("target")["n"].sum().eq(TEST).all()
    hexagons = pd.read_csv(run / "release" / "figures" / "fig4_phenotype_tsne.csv")
    assert hexagons["n"].min() >= 10
    for name in ("fig5_phenotype_scatter", "fig4_phenotype_tsne"):
        assert (run / "release" / "figures" / f"{name}.svg").stat().st_size > 1000


def test_pixels_stay_inside_unless_they_are_synthetic(run: Path, tables: Tables, tmp_path: Path) -> None:
    assert not list((run / "release").rglob("scan_quality*"))
    assert "pixels" in (run / "release" / "index.html").read_text()
    phantom = finished(tmp_path / "results", tables, "phantom")
    make(phantom, phantom / "release")
    assert {path.suffix for path in (phantom / "release").rglob("scan_quality*")} == {".svg", ".png"}


def test_groups_that_follow_from_others_are_withheld(run: Path) -> None:
    rows = (run / "release" / "tables" / "subgroups_sa_phenotypes.csv").read_text().splitlines()
    assert rows[1:] == ["LVEDV,all,all,120,9.177", "LVEDV,sex,female,<10,", "LVEDV,sex,male,<10,"]
    assert "| Women | &lt;10 | &lt;10 | 147 |" in (run / "release" / "data_card.md").read_text()


def test_outcomes_list_every_file(run: Path) -> None:
    outcomes = json.loads((run / "release" / "outcomes.json").read_text())
    files = {path.relative_to(run / "release").as_posix() for path in (run / "release").rglob("*") if path.is_file()}
    assert {each["output"] for each in outcomes["outputs"]} == files - {"outcomes.json", "outcomes.md", NAME}
    assert {each["status"] for each in outcomes["outputs"]} == {"pass"}
    assert outcomes["participants_singled_out"] == 0
    bands = next(each for each in outcomes["outputs"] if each["output"] == "figures/fig5_phenotype_scatter.csv")
    assert (bands["type"], bands["smallest_cell"], bands["n"]) == ("table", 10, 10)


def test_what_would_single_somebody_out_stays_inside(
    run: Path, tables: Tables, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The card is left out, the page says so, the log says why, and nothing of it is anywhere else."""
    folder = tmp_path / "results"
    shutil.copytree(run, folder)
    person = tables["images/phenotypes"].iloc[5]
    (folder / "data_card.md").write_text(f"One of them: LVEDV {person['LVEDV']!r}, LVM {person['LVM']!r}.\n")
    make(folder, folder / "release")
    assert not (folder / "release" / "data_card.md").exists()
    page = (folder / "release" / "index.html").read_text()
    assert "Data card: the check refuses it" in page
    assert "data_card.md is left out: the check finds: singled out" in caplog.messages
    assert repr(float(person["LVEDV"])) not in page
    assert (folder / "release" / "tables" / "table1_sa_phenotypes.csv").is_file()


def test_a_leak_that_cannot_be_left_out_stops_the_release(run: Path, tables: Tables, tmp_path: Path) -> None:
    """The release that is there stays, and nothing half-made is left."""
    folder = tmp_path / "results"
    shutil.copytree(run, folder)
    before = (folder / "release" / "index.html").read_text()
    person = tables["images/phenotypes"].iloc[5]
    config = json.loads((folder / "config.json").read_text())
    config["note"] = f"LVEDV {person['LVEDV']!r}, LVM {person['LVM']!r}"
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(UserError, match="singled out"):
        make(folder, folder / "release")
    assert (folder / "release" / "index.html").read_text() == before
    assert not list(folder.glob(".part-*"))


def test_a_smaller_cell_is_refused(run: Path) -> None:
    with pytest.raises(UserError, match=r"privacy.cell"):
        make(run, run / "release", 9)


def test_a_column_that_is_empty_for_everybody_is_no_secret(tables: Tables, tmp_path: Path) -> None:
    """So a run from scans alone, whose table lacks what others have, is released as well."""
    empty = tables["images/phenotypes"].assign(volume=np.nan)
    results = finished(tmp_path / "results", tables | {"images/phenotypes": empty}, "files")
    assert "volume" not in read_cohort([results], 10).columns
    make(results, results / "release")
    assert (results / "release" / "index.html").is_file()


def test_the_page_has_the_papers_order_and_titles():
    order = ["fig2", "fig5", "calibration"]
    found = ["calibration", "other", "fig5", "fig2_vs_paper", "another"]
    assert sorted(found, key=lambda name: placed(name, order)) == [
        *("fig2_vs_paper", "fig5", "calibration", "another", "other")
    ]
    assert titled("table4_diseases") == "Table 4: diseases"
    assert titled("table4_diseases_vs_paper") == "Table 4: diseases, beside the paper"
    assert titled("subgroups_sa_phenotypes") == "subgroups sa phenotypes"

"""The Research Analysis Platform, simulated: its folders of zips and its exported table, read by the preset for it."""

import csv
from pathlib import Path

import pandas as pd
import pytest
import yaml

import filled
from cohort.world import platform
from images import dicom_scans
from vita.cohort.fields import main as extract
from vita.cohort.wanted import main as wanted
from vita.phantom.people import draw_people
from vita.phantom.scans import make_batch
from vita.phantom.settings import PhantomSettings
from vita.phantom.table import write_table
from workflow.test_dry_runs import ROOT, snakemake

pytestmark = [pytest.mark.workflow, pytest.mark.thorough]
PHANTOM = {"participants": 24, "matrix": [44, 48], "pixel_mm": 4.8, "frames": 10, "sa_slices": 8}
PHANTOM |= {"sa_spacing_mm": 10, "broken_scans": 0, "withdrawn": 1, "labelled": 1}
SCANNED = 8
PRESETS = [str(ROOT / "workflow/presets" / f"{name}.yaml") for name in ("paper", "rap")]
SMALL = {"images": {"shard_count": 2, "frames": 10, "size": 32, "max_excluded": 1}, "split": {"val": 2, "test": 2}}
TARGETS = [f"results/{name}.parquet" for name in ("cohort/split", "cohort/exclusions", "images/phenotypes")]
DRAWN = [f"results/figures/{name}.csv" for name in ("scan_quality", "volume_curves", "plane_intersections")]


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, pd.DataFrame]:
    """What the platform mounts, and the people in it: table and list of withdrawals, zips of eight of them."""
    root = tmp_path_factory.mktemp("platform")
    settings = PhantomSettings.from_dict({"seed": 7, "phantom": PHANTOM})
    people = draw_people(settings)
    mounted = root / "mnt/project"
    (mounted / "vita").mkdir(parents=True)
    write_table(people, settings.seed, root / "classic.csv")
    with (root / "classic.csv").open(encoding="latin-1", newline="") as lines:
        names, *rows = csv.reader(lines)
    platform(mounted / "vita/table.csv", dict(zip(names, map(list, zip(*rows, strict=True)), strict=True)))
    (mounted / "vita/withdrawals.csv").write_text("".join(f"{eid}\n" for eid in people.loc[people["withdrawn"], "eid"]))
    scanned = people.head(SCANNED)
    make_batch(scanned, settings, root / "nifti")
    heart = mounted / "Bulk/Heart MRI"
    for eid in scanned["eid"]:
        dicom_scans.write_zips(root / "made", eid, root / "nifti" / str(eid))
        for field, name in ((20208, "Long axis"), (20209, "Short axis")):
            folder = heart / name / str(eid)[:2]
            folder.mkdir(parents=True, exist_ok=True)
            (root / "made" / f"{eid}_{field}_2_0.zip").rename(folder / f"{eid}_{field}_2_0.zip")
        other = heart / "Blood flow" / str(eid)[:2]  # another field's zips, which nobody reads
        other.mkdir(parents=True, exist_ok=True)
        (other / f"{eid}_20213_2_0.zip").write_bytes(b"no cine")
    return root, people


def moved(root: Path) -> str:
    """The preset's own paths, below a folder of the test instead of the root."""
    preset = yaml.safe_load(Path(PRESETS[1]).read_text())["input"]
    paths = {key: f"{root}{preset[key]}" for key in ("withdrawals", "scans")}
    (root / "small.yaml").write_text(
        yaml.safe_dump({"input": {**paths, "tables": [f"{root}{path}" for path in preset["tables"]]}, **SMALL})
    )
    return str(root / "small.yaml")


def test_the_platforms_folders_and_table_are_read(project: tuple[Path, pd.DataFrame]) -> None:
    root, people = project
    run = snakemake(root, *TARGETS, *DRAWN, "--configfile", *PRESETS, moved(root))
    assert run.returncode == 0, run.stderr[-4000:]
    wanted_ids = set(people.loc[~people["withdrawn"], "eid"].head(SCANNED)) & set(people.head(SCANNED)["eid"])
    index = pd.read_parquet(root / "results/images/index.parquet")
    assert set(index["eid"]) == wanted_ids
    assert (index.groupby("eid")["view"].nunique() == 4).all()
    split, out = (pd.read_parquet(root / path) for path in TARGETS[:2])
    assert set(split["eid"]) == wanted_ids - set(out["eid"])
    assert len(split) >= 6
    phenotypes = pd.read_parquet(root / TARGETS[2])
    assert wanted_ids <= set(phenotypes["eid"])
    assert phenotypes["LVEDV"].between(40, 400).any()
    made = pd.concat([pd.read_parquet(path) for path in (root / "results/masks/scores").iterdir()])
    assert set(made["eid"]) == wanted_ids  # the withdrawn participant's scans are not segmented
    assert {path.name for path in (root / "results/masks").iterdir()} == {"scores", *map(str, wanted_ids)}
    log = (root / "results/logs/extract_fields.log").read_text()
    assert "platform" in log


def test_a_real_run_elsewhere_says_that_the_project_is_not_mounted(tmp_path: Path) -> None:
    run = snakemake(tmp_path, "--configfile", *PRESETS)
    assert run.returncode == 1
    assert "'input.tables' names /mnt/project/vita/table.csv, which does not exist" in run.stderr


def test_names_to_export_come_from_the_datasets_dictionary(
    project: tuple[Path, pd.DataFrame], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A table exported by that list has all that is needed, and nothing else."""
    table = pd.read_csv(project[0] / "mnt/project/vita/table.csv", dtype=str, encoding="latin-1")
    dictionary = tmp_path / "data_dictionary.csv"
    rows = [("participant", name) for name in table.columns] + [("hesin", "p41270")]
    pd.DataFrame(rows, columns=["entity", "name"]).to_csv(dictionary, index=False)
    wanted(["--features", str(ROOT / "workflow/resources/features.tsv"), "--dictionary", str(dictionary)])
    names = capsys.readouterr().out.split()
    assert names[0] == "eid"
    assert {"p31", "p41270", "p24100_i2", "p53_i2"} <= set(names)
    assert len(names) < len(table.columns)
    table[names].to_csv(tmp_path / "table.csv", index=False)
    features = str(ROOT / "workflow/resources/features.tsv")
    for source, output in ((tmp_path / "table.csv", "few"), (project[0] / "mnt/project/vita/table.csv", "all")):
        written = ["--output", str(tmp_path / f"{output}.parquet"), "--settings", filled.argument(cohort={})]
        extract(["--table", str(source), "--features", features, *written])
    assert pd.read_parquet(tmp_path / "few.parquet").equals(pd.read_parquet(tmp_path / "all.parquet"))

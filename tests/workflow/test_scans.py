"""Scans through Snakemake: UK Biobank's zips to phenotypes, and what runs again when a scan comes, changes or goes."""

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from images import dicom_scans, scans
from vita.images.folders import bucket
from vita.images.nifti import read_volume
from vita.images.shards import ShardReader
from vita.phantom.people import draw_people
from vita.phantom.scans import make_batch
from vita.phantom.settings import PhantomSettings
from workflow.test_dry_runs import snakemake

pytestmark = [pytest.mark.workflow, pytest.mark.thorough]
SHARDS, FRAMES = 3, 10
PHANTOM = {"participants": 12, "matrix": [44, 48], "pixel_mm": 4.8, "frames": FRAMES, "sa_slices": 10}
PHANTOM |= {"sa_spacing_mm": 10, "broken_scans": 0, "withdrawn": 0, "labelled": 1}
PEOPLE = 6
TARGETS = ["results/images/phenotypes.parquet", "results/images/index.parquet", "results/cohort/exclusions.parquet"]


def configure(folder: Path, **images: object) -> list[str]:
    """Write a run from scans alone to `folder`; returns the arguments that name it."""
    images = {"shard_count": SHARDS, "frames": FRAMES, "size": 32, "max_excluded": 1} | images
    source = {"source": "files", "tables": [], "scans": "scans", "withdrawals": "withdrawn.csv"}
    (folder / "withdrawn.csv").touch()
    run = {"input": source, "products": "scans", "images": images, "model": {"patch": [5, 8, 8]}}
    (folder / "run.yaml").write_text(json.dumps(run))
    return [*TARGETS, "--configfile", str(folder / "run.yaml")]


def planned(text: str) -> dict[str, int]:
    """Jobs by rule, from the table that a dry run prints."""
    table = text.split("Job stats:")[1].split("total")[0] if "Job stats:" in text else ""
    return {name: int(count) for name, count in re.findall(r"^(\w+) +(\d+)$", table, re.MULTILINE)}


def rebuilt(text: str) -> set[str]:
    return set(re.findall(r"^Job \d+: Shard (\d+)", text, re.MULTILINE))


@pytest.fixture(scope="module")
def zips(tmp_path_factory):
    """A run on phantom scans as UK Biobank delivers them: zips in the platform's folders, masks beside them."""
    root = tmp_path_factory.mktemp("zips")
    settings = PhantomSettings.from_dict({"seed": 5, "phantom": PHANTOM})
    truth = make_batch(draw_people(settings).head(PEOPLE), settings, root / "nifti").set_index("eid")
    for eid in truth.index:
        group = str(eid)[:2]
        dicom_scans.write_zips(root / "made", eid, root / "nifti" / str(eid))
        for field, name in ((20208, "Long axis"), (20209, "Short axis")):
            target = root / "scans" / name / group
            target.mkdir(parents=True, exist_ok=True)
            (root / "made" / f"{eid}_{field}_2_0.zip").rename(target / f"{eid}_{field}_2_0.zip")
        (root / "scans" / str(eid)).mkdir()
        for mask in (root / "nifti" / str(eid)).glob("seg*"):
            shutil.copy(mask, root / "scans" / str(eid))
    run = snakemake(root, *configure(root, write_nifti="written"))
    assert run.returncode == 0, run.stderr[-4000:]
    return root, truth


def test_zips_become_phenotypes(zips):
    root, truth = zips
    found = pd.read_parquet(root / "results/images/phenotypes.parquet").set_index("eid").loc[truth.index]
    for name in ("LVEDV", "LVESV", "LVM", "RVEDV", "LAV max"):
        assert abs(found[name].mean() / truth[name].mean() - 1) < 0.1, name
    assert pd.read_parquet(root / "results/cohort/exclusions.parquet").empty
    index = pd.read_parquet(root / "results/images/index.parquet")
    assert index["path"].str.endswith(".zip").all()
    assert (index.groupby("eid")["view"].nunique() == 4).all()


def test_zips_give_the_voxels_of_the_nifti_files(zips):
    """What `images.write_nifti` wrote is what the phantom had drawn, and the shards hold these numbers."""
    root, truth = zips
    reader = ShardReader(sorted((root / "results/images/shards").glob("*.npz")))
    for eid in truth.index:
        for view in ("sa", "la_2ch", "la_3ch", "la_4ch"):
            written, drawn = (
                read_volume(root / source / str(eid) / f"{view}.nii.gz", planar=view != "sa")[1]
                for source in ("written", "nifti")
            )
            assert np.array_equal(np.sort(written, axis=None), np.sort(drawn, axis=None))
        assert np.isin(np.unique(reader.stored(eid)[3:]), np.unique(drawn_stack(root, eid))).all()


def drawn_stack(root: Path, eid: int) -> np.ndarray:
    return read_volume(root / "nifti" / str(eid) / "sa.nii.gz")[1]


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A finished run on six participants' NIfTI files."""
    folder = tmp_path_factory.mktemp("finished")
    for eid in range(1000011, 1000017):
        scans.write_participant(folder / "scans" / str(eid), frames=FRAMES)
    done = snakemake(folder, *configure(folder))
    assert done.returncode == 0, done.stderr[-4000:]
    return folder


@pytest.fixture
def run(finished, tmp_path):
    """A copy of the finished run, with its times, to be changed."""
    folder = tmp_path / "run"
    shutil.copytree(finished, folder)
    return folder, configure(folder)


def shard_of(eid: int) -> set[str]:
    return {f"{bucket(eid, SHARDS):05d}"}


def test_one_scan_more_changed_or_withdrawn_rewrites_one_shard(run):
    folder, arguments = run
    assert "Nothing to be done" in snakemake(folder, *arguments, "-n").stdout
    before = {path.name: path.stat().st_mtime_ns for path in (folder / "results/images/shards").glob("*.npz")}

    scans.write_participant(folder / "scans" / "1000031", frames=FRAMES)
    plan = snakemake(folder, *arguments, "-n").stdout
    assert rebuilt(plan) == shard_of(1000031)
    assert planned(plan) == {"index_scans": 1, "build_shard": 1, "measure_phenotypes": 1, "list_exclusions": 1}
    assert snakemake(folder, *arguments).returncode == 0
    after = {path.name: path.stat().st_mtime_ns for path in (folder / "results/images/shards").glob("*.npz")}
    assert {name[:5] for name in before if before[name] != after[name]} == shard_of(1000031)
    assert 1000031 in set(pd.read_parquet(folder / "results/images/phenotypes.parquet")["eid"])
    assert "Nothing to be done" in snakemake(folder, *arguments, "-n").stdout

    scans.write_participant(folder / "scans" / "1000012", frames=FRAMES, slices=8)
    assert rebuilt(snakemake(folder, *arguments, "-n").stdout) == shard_of(1000012)
    assert snakemake(folder, *arguments).returncode == 0

    (folder / "withdrawn.csv").write_text("1000013\n")
    assert rebuilt(snakemake(folder, *arguments, "-n").stdout) == shard_of(1000013)
    assert snakemake(folder, *arguments).returncode == 0
    for table in (folder / "results").rglob("*.parquet"):
        assert 1000013 not in set(pd.read_parquet(table)["eid"]), table.name


def test_bad_scans_cost_their_participants_and_too_many_stop_the_run(run):
    folder, arguments = run
    whole = (folder / "scans/1000011/sa.nii.gz").read_bytes()
    (folder / "scans/1000011/sa.nii.gz").write_bytes(whole[: len(whole) // 2])
    (folder / "scans/1000012/la_2ch.nii.gz").write_bytes(b"no scan")
    done = snakemake(folder, *arguments)
    assert done.returncode == 0, done.stderr[-4000:]
    left_out = pd.read_parquet(folder / "results/cohort/exclusions.parquet").set_index("eid")["reason"]
    assert left_out.index.tolist() == [1000011, 1000012]
    assert "cut short" in left_out[1000011]
    assert "magic" in left_out[1000012] or "cut short" in left_out[1000012]
    assert "1 participants cannot be used" in (folder / "results/logs/index_scans.log").read_text()

    arguments = configure(folder, max_excluded=0.2)
    done = snakemake(folder, *arguments)
    assert done.returncode == 1
    log = (folder / "results/logs/list_exclusions.log").read_text()
    assert "2 of 6" in log
    assert "images.max_excluded" in log
    assert "Traceback" not in log

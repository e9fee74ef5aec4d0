"""Whatever is killed, full or closed: a clear message, nothing corrupted, and the same command goes on.

The whole suite, 20 kills of the smoke run: `python -m pytest tests/workflow/test_faults.py -m faults -s`.
"""

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from workflow.faults import COMPARED, FINISHED, Disturbed, Disturber, digests, start
from workflow.small import STAGE1, small_run, systems_alone
from workflow.test_dry_runs import ROOT, snakemake

pytestmark = [pytest.mark.workflow, pytest.mark.thorough]
SMOKE = ["--configfile", str(ROOT / "workflow" / "presets" / "smoke.yaml")]
SYSTEMS = systems_alone(mean_guess=["sa_phenotypes"], vita=["sa_phenotypes", "segmentation"])
TABLES = ["results/tables/table1_sa_phenotypes.csv", "results/tables/segmentation.csv"]


def disturbed(folder: Path, arguments: list[str], kills: int) -> Disturbed:
    """A run killed so often, compared with one that was not; returns what was done."""
    undisturbed = folder / "undisturbed"
    undisturbed.mkdir()
    began = time.monotonic()
    assert start(undisturbed, arguments).wait() == 0, (undisturbed / "log").read_text()[-3000:]
    seconds = time.monotonic() - began
    reference = digests(undisturbed, COMPARED)
    assert {name.split("/")[0] for name in reference} >= set(FINISHED)

    killed = folder / "killed"
    killed.mkdir()
    disturber = Disturber(killed, arguments, reference, seconds / kills, seed=2026)
    done = disturber.disturb(kills)
    assert digests(killed, COMPARED) == reference
    assert not list((killed / "results").rglob(".part-*"))
    plan = snakemake(killed, "-n", *arguments)
    assert "Nothing to be done" in plan.stdout + plan.stderr
    print(
        f"\n{seconds:.0f} s undisturbed; {kills} kills, {done.starts} starts, {done.finished} runs to the end in "
        f"between; {len(reference)} files equal byte for byte after each kill and at the end",
        *done.lines,
        sep="\n",
    )
    return done


def test_two_kills_leave_the_same_tables(tmp_path: Path) -> None:
    arguments = small_run(tmp_path, *TABLES)
    (tmp_path / "systems.yaml").write_text(yaml.safe_dump({"systems": SYSTEMS}))
    done = disturbed(tmp_path, [*arguments[:3], str(tmp_path / "systems.yaml"), *arguments[3:]], kills=2)
    assert done.starts >= 2


@pytest.mark.faults
def test_twenty_kills_of_the_smoke_run_leave_the_same_tables(tmp_path: Path) -> None:
    assert len(disturbed(tmp_path, SMOKE, kills=20).lines) == 20


def test_a_second_run_in_the_same_folder_is_refused(tmp_path: Path) -> None:
    arguments = small_run(tmp_path, STAGE1)  # long enough to be met by a second
    first = start(tmp_path, arguments)
    lock = tmp_path / ".snakemake" / "vita.lock"
    while first.poll() is None and not (lock.exists() and lock.read_text()):
        time.sleep(0.1)
    second = snakemake(tmp_path, *arguments)
    assert first.wait() == 0
    assert second.returncode == 1
    assert f"error: another run works in {tmp_path} (process {first.pid} on " in second.stderr
    assert "Traceback" not in second.stderr


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A small disk of its own, of 4 MB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    if os.geteuid() != 0 or subprocess.run(mount(folder, "size=4m"), capture_output=True, check=False).returncode:
        pytest.skip("only root can mount a small disk, and not in every container")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def mount(folder: Path, options: str) -> list[str]:
    return ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]


def remount(folder: Path, options: str) -> None:
    subprocess.run(["mount", "-o", f"remount,{options}", str(folder)], check=True)


def one_line(run: subprocess.CompletedProcess[str]) -> str:
    """The lines `error: ...` of a run that failed, without a traceback."""
    assert run.returncode == 1
    assert "Traceback" not in run.stderr
    lines = [line for line in run.stderr.splitlines() if line.startswith("error: ")]
    assert lines, run.stderr
    return "\n".join(lines)


def test_a_full_disk_is_named_and_the_run_goes_on_when_there_is_room(disk: Path, tmp_path: Path) -> None:
    arguments = small_run(tmp_path, "results/phantom/batches/0.parquet")
    (disk / "other").write_bytes(bytes(1_500_000))
    said = one_line(snakemake(disk, *arguments))
    assert f"the disk of {disk}" in said
    assert "make room, then run the same command again" in said
    assert not list(disk.rglob(".part-*"))
    remount(disk, "size=40m")
    assert snakemake(disk, *arguments).returncode == 0
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    assert snakemake(elsewhere, *arguments).returncode == 0
    assert digests(disk, ("phantom",)) == digests(elsewhere, ("phantom",))


def test_results_that_can_only_be_read_are_named(disk: Path, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / "results").symlink_to(disk)
    arguments = small_run(tmp_path, "results/phantom/table.csv")
    remount(disk, "ro")
    assert "results is on a read-only disk; open it for writing" in one_line(snakemake(folder, *arguments))
    remount(disk, "rw")
    assert snakemake(folder, *arguments).returncode == 0
    remount(disk, "ro")
    shutil.rmtree(folder / ".snakemake")
    here = snakemake(disk, "-n", *arguments)
    assert "error: .snakemake is on a read-only disk" in here.stderr
    assert "Traceback" not in here.stderr


def test_a_scratch_folder_that_is_not_there_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    arguments = small_run(tmp_path, "results/phantom/table.csv")
    monkeypatch.setenv("TMPDIR", str(tmp_path / "scratch"))
    said = one_line(snakemake(tmp_path, *arguments))
    assert said.startswith(f"error: TMPDIR names {tmp_path / 'scratch'}, which is not a writable folder")
    assert not (tmp_path / "results" / "phantom" / "table.csv").exists()
    (tmp_path / "scratch").mkdir()
    assert snakemake(tmp_path, *arguments).returncode == 0

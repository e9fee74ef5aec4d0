"""No two jobs ever share a GPU, and a device is free again however its job ended."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from vita.runtime.errors import UserError
from vita.runtime.gpus import lease
from vita.runtime.machine import visible_gpus

ROOT = Path(__file__).resolve().parents[1]
# what a job does: note when it began and ended on which devices
JOB = "import os, time; b = time.time(); time.sleep(0.3); print(os.environ['CUDA_VISIBLE_DEVICES'], b, time.time())"


def start(folder: Path, count: int, *command: str, devices: str = "0,1", **more: str) -> subprocess.Popen[str]:
    surroundings = {key: value for key, value in os.environ.items() if not key.startswith("SLURM")}
    surroundings |= {"CUDA_VISIBLE_DEVICES": devices, "TMPDIR": str(folder), "PYTHONPATH": str(ROOT / "src"), **more}
    full = [sys.executable, "-m", "vita.runtime.gpus", "--count", str(count), "--", *command]
    return subprocess.Popen(full, env=surroundings, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_jobs_side_by_side_hold_different_devices(tmp_path: Path) -> None:
    jobs = [start(tmp_path, count, sys.executable, "-c", JOB) for count in (1, 1, 2, 1, 1)]
    spans = []
    for job in jobs:
        out, err = job.communicate(timeout=120)
        assert job.returncode == 0, err
        devices, begin, end = out.split()
        spans.append((set(devices.split(",")), float(begin), float(end)))
    assert sorted(len(devices) for devices, _, _ in spans) == [1, 1, 1, 1, 2]
    for index, (devices, begin, end) in enumerate(spans):
        for others, other_begin, other_end in spans[index + 1 :]:
            if begin < other_end and other_begin < end:
                assert not devices & others


def test_a_killed_job_frees_its_device(tmp_path: Path) -> None:
    hold = "print(1, flush=True); import time; time.sleep(600)"
    holder = start(tmp_path, 1, sys.executable, "-c", hold, devices="0")
    assert holder.stdout.readline() == "1\n"
    holder.kill()
    holder.wait()
    out, _ = start(tmp_path, 1, sys.executable, "-c", JOB, devices="0").communicate(timeout=120)
    assert out.startswith("0 ")


def test_what_slurm_gave_is_taken_as_it_is(tmp_path: Path) -> None:
    # each job's "0" may be another device of the node, so both run at once: each ends when the other has begun
    both = tmp_path / "begun"
    both.mkdir()
    leases = tmp_path / "leases"
    leases.mkdir()
    meet = f"import os, time; from pathlib import Path; both = Path({str(both)!r}); "
    meet += "(both / os.environ['SLURM_JOB_ID']).touch()\nwhile len(list(both.iterdir())) < 2: time.sleep(0.02)"
    jobs = [start(leases, 1, sys.executable, "-c", meet, devices="0", SLURM_JOB_ID=str(n)) for n in (7, 8)]
    try:
        assert [job.wait(timeout=120) for job in jobs] == [0, 0]
    finally:
        for job in jobs:
            job.kill()
    assert not list(leases.iterdir())


def test_too_few_devices_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="2 GPUs are requested, but this machine has 1"):
        lease(2, ["0"], tmp_path)


def test_a_command_for_cpus_sees_no_device(tmp_path: Path) -> None:
    show = "import os; print(repr(os.environ['CUDA_VISIBLE_DEVICES']))"
    out, _ = start(tmp_path, 0, sys.executable, "-c", show, devices="0,1").communicate(timeout=120)
    assert out == "''\n"
    assert not list(tmp_path.iterdir())


def test_devices_are_counted_without_a_driver(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.delenv("SLURM_JOB_ID", raising=False)
    assert visible_gpus(tmp_path) == []
    for name in ("nvidia0", "nvidia3", "nvidiactl", "nvidia-uvm"):
        (tmp_path / name).touch()
    assert visible_gpus(tmp_path) == ["0", "1"]
    monkeypatch.setenv("SLURM_JOB_ID", "7")
    assert visible_gpus(tmp_path) == [], "SLURM names the devices that it gives"
    monkeypatch.delenv("SLURM_JOB_ID")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3")
    assert visible_gpus(tmp_path) == ["3"]
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert visible_gpus(tmp_path) == []

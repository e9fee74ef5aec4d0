"""A folder belongs to one run, as long as the run lives; what a killed one leaves is put away."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from vita.runtime.atomic import PART
from vita.runtime.claim import VARIABLE, claim, end_leftovers, remove_parts
from vita.runtime.errors import UserError

ROOT = Path(__file__).resolve().parents[1]
HOLD = "import sys, time; from pathlib import Path; from vita.runtime.claim import claim; claim(Path(sys.argv[1])); "
HOLD += "print(1, flush=True); time.sleep(60)"


def python(code: str, folder: Path, **more: str) -> subprocess.Popen[str]:
    surroundings = os.environ | {"PYTHONPATH": str(ROOT / "src"), **more}
    return subprocess.Popen([sys.executable, "-c", code, str(folder)], env=surroundings, stdout=-1, text=True)


def test_a_folder_is_claimed_until_its_run_dies(tmp_path: Path) -> None:
    holder = python(HOLD, tmp_path)
    assert holder.stdout.readline() == "1\n"
    with pytest.raises(UserError, match=rf"another run works in .*\(process {holder.pid} on .*\); wait"):
        claim(tmp_path)
    holder.kill()
    holder.wait()
    claim(tmp_path)
    assert f"process {os.getpid()} " in (tmp_path / ".snakemake" / "vita.lock").read_text()


def test_leftover_jobs_of_this_folder_are_ended_and_no_others(tmp_path: Path) -> None:
    sleep = "print(1, flush=True); import time; time.sleep(600)"
    mine = python(sleep, tmp_path, **{VARIABLE: str(tmp_path)})
    other = python(sleep, tmp_path, **{VARIABLE: str(tmp_path / "other")})
    assert mine.stdout.readline() == other.stdout.readline() == "1\n"
    assert end_leftovers(tmp_path) == 1
    mine.wait(timeout=50)
    assert other.poll() is None
    other.kill()
    other.wait()


def test_half_written_files_are_removed(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    for name in (f"{PART}x-a.csv", f"sub/{PART}y-b.npz", "sub/whole.csv"):
        (tmp_path / name).touch()
    assert remove_parts(tmp_path) == 2
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["whole.csv"]

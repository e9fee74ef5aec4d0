"""A disk that is full or closed is told as one sentence, by whichever library it is met, and the old file stays."""

import errno
import os
import socket
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.numpy import save_file

from vita.runtime import cli
from vita.runtime.atomic import PART, disk_error, obstacles, replacing
from vita.runtime.errors import UserError

VALUES = np.random.default_rng(1).normal(size=300_000)


def save_torch(tensor: torch.Tensor, path: Path) -> None:
    with path.open("wb") as file:
        torch.save(tensor, file)


WRITERS = {
    "bytes": lambda path: path.write_bytes(VALUES.tobytes()),
    "torch": lambda path: save_torch(torch.from_numpy(VALUES), path),
    "npz": lambda path: np.savez(path, values=VALUES),
    "parquet": lambda path: pd.DataFrame({"value": VALUES}).to_parquet(path),
    "csv": lambda path: pd.DataFrame({"value": VALUES}).to_csv(path),
    "safetensors": lambda path: save_file({"values": VALUES}, path),
}


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 1 MB."""
    command = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(tmp_path)]
    if os.geteuid() != 0 or subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("only root can mount a small disk, and not in every container")
    try:
        yield tmp_path
    finally:
        subprocess.run(["umount", "--lazy", str(tmp_path)], check=True)


@pytest.mark.parametrize("write", WRITERS.values(), ids=WRITERS)
def test_every_writer_tells_a_full_disk(disk: Path, write: Callable[[Path], None]) -> None:
    (disk / "old.npz").write_text("whole")
    with (
        pytest.raises(UserError, match=r"old.npz: the disk of .* is full; make room"),
        replacing(disk / "old.npz") as path,
    ):
        write(path)
    assert (disk / "old.npz").read_text() == "whole"
    assert not list(disk.glob(f"{PART}*"))


def test_a_closed_disk_is_told(disk: Path) -> None:
    subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
    with pytest.raises(UserError, match="is on a read-only disk"), replacing(disk / "sub" / "new"):
        pass
    assert obstacles([disk / "results"], {}) == [
        f"{disk / 'results'} is on a read-only disk; open it for writing, then run the same command again: it goes on"
    ]


def test_other_errors_are_none_of_the_disk(tmp_path: Path) -> None:
    assert disk_error(FileNotFoundError(errno.ENOENT, "no such file", "x"), tmp_path) is None
    with pytest.raises(KeyError), replacing(tmp_path / "new"):
        raise KeyError("x")
    assert obstacles([tmp_path / "not" / "yet"], {"TMPDIR": str(tmp_path)}) == []


def test_a_scratch_that_is_not_there_is_an_obstacle(tmp_path: Path) -> None:
    (message,) = obstacles([tmp_path], {"TMPDIR": str(tmp_path / "x")})
    assert message.startswith(f"TMPDIR names {tmp_path / 'x'}")


def test_a_job_tells_that_its_scratch_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path / "x"))
    with pytest.raises(SystemExit, match=rf"error: TMPDIR names {tmp_path / 'x'}, .* on {socket.gethostname()}; make"):
        cli.run(lambda _: pytest.fail("the job began"))
    (tmp_path / "x").mkdir()
    done: list[object] = []
    cli.run(done.append, [])
    assert done == [[]]

"""nnU-Net's environment: taken where it is, made only in a folder of its own, one line where it cannot be."""

import json
import sys
from pathlib import Path

import pytest

from vita.nnunet import environment
from vita.runtime.errors import UserError

FOUND = {"nnunetv2": "2.8.1", "torch": "2.13.0"}


def _run(folder: Path, lock: Path) -> dict[str, str]:
    output = folder.parent / "environment.json"
    environment.main(["--folder", str(folder), "--lock", str(lock), "--output", str(output)])
    return json.loads(output.read_text())


def _python(folder: Path, answer: str) -> None:
    """A Python that answers everything it is asked with one line."""
    (folder / "bin").mkdir(parents=True, exist_ok=True)
    (folder / "bin" / "python").write_text(f"#!/bin/sh\necho '{answer}'\n")
    (folder / "bin" / "python").chmod(0o755)


@pytest.fixture
def lock(tmp_path: Path) -> Path:
    path = tmp_path / "nnunet.lock"
    path.write_text("nnunetv2==2.8.1\n")
    return path


def test_an_environment_that_is_there_is_taken_as_it_is(tmp_path: Path, lock: Path) -> None:
    _python(tmp_path / "own", json.dumps(FOUND))
    assert _run(tmp_path / "own", lock) == FOUND
    assert not (tmp_path / "own" / environment.MADE_FROM).exists()


def test_one_made_from_another_lock_or_left_unfinished_is_made_anew(
    tmp_path: Path, lock: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = []

    def make(folder: Path, of: Path) -> None:
        made.append(folder)
        (folder / environment.MADE_FROM).write_text(of.read_text())

    monkeypatch.setattr(environment, "make", make)
    folder = tmp_path / "made"
    _python(folder, json.dumps(FOUND))
    for text in ("nnunetv2==2.7.0\n", "unfinished\n"):
        (folder / environment.MADE_FROM).write_text(text)
        _run(folder, lock)
    assert made == [folder, folder]
    _run(folder, lock)
    assert len(made) == 2, "one made from this lock is there"


def test_a_folder_of_something_else_is_left_alone(tmp_path: Path, lock: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "scan.nii.gz").touch()
    with pytest.raises(UserError, match=r"data holds no environment with nnU-Net, but other files; name another"):
        _run(tmp_path / "data", lock)
    assert (tmp_path / "data" / "scan.nii.gz").exists()


def test_no_package_index_is_one_line(tmp_path: Path, lock: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    with pytest.raises(UserError, match="cannot be installed") as error:
        _run(tmp_path / "made", lock)
    assert "\n" not in str(error.value)
    assert (tmp_path / "made" / environment.MADE_FROM).read_text() == "unfinished\n"


def test_a_python_without_nnunet_is_none(tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "python").symlink_to(sys.executable)
    assert environment.versions(tmp_path) is None
    assert environment.versions(tmp_path / "missing") is None

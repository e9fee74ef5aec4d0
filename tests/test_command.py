"""The installed command: its version, and readers that go away."""

import os
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from vita import command


def test_the_version_is_that_of_the_package(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["vita", "--version"])
    command.main()
    assert capsys.readouterr().out == f"vita {version('vita')}\n"


@pytest.mark.parametrize("arguments", [["--help"], ["list", "RESULTS"]], ids=["help", "list"])
def test_a_reader_that_has_gone_ends_the_command_without_a_word(arguments: list[str], tmp_path: Path) -> None:
    (tmp_path / "models" / "stage1" / "vita").mkdir(parents=True)
    read, write = os.pipe()
    os.close(read)
    given = [str(tmp_path) if argument == "RESULTS" else argument for argument in arguments]
    run = subprocess.run(
        [sys.executable, "-m", "vita.command", *given], stdout=write, stderr=subprocess.PIPE, text=True, check=False
    )
    os.close(write)
    assert run.stderr == ""
    assert run.returncode == 141


def test_another_broken_pipe_is_an_error() -> None:
    code = "from vita.runtime import cli\ndef main(a):\n    raise BrokenPipeError(32, 'worker')\ncli.run(main)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert run.returncode == 1
    assert "BrokenPipeError" in run.stderr

"""No job looks for a network: tables, images and a training stage where even the loopback is switched off."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from workflow.small import STAGE1, small_run
from workflow.test_dry_runs import ROOT

OFFLINE = ["unshare", "--map-root-user", "--net"]
CONNECT = "import socket; socket.create_connection(('127.0.0.1', 9), timeout=5)"


def _refusal() -> str:
    """Why a process without network cannot be started here; empty where it can."""
    if not shutil.which("unshare"):
        return "no unshare on this machine"
    tried = subprocess.run([*OFFLINE, "true"], capture_output=True, text=True, check=False)
    return tried.stderr.strip() if tried.returncode else ""


pytestmark = [
    pytest.mark.workflow,
    pytest.mark.thorough,
    pytest.mark.skipif(bool(_refusal()), reason=_refusal() or "permitted"),
]


def test_there_is_no_network_to_be_found() -> None:
    tried = subprocess.run([*OFFLINE, sys.executable, "-c", CONNECT], capture_output=True, text=True, check=False)
    assert "Network is unreachable" in tried.stderr


def test_a_run_needs_no_network(tmp_path: Path) -> None:
    command = [*OFFLINE, sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile"), "--cores", "2"]
    run = subprocess.run(
        [*command, "--directory", str(tmp_path), *small_run(tmp_path, STAGE1)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr[-4000:]
    assert (tmp_path / STAGE1).stat().st_size > 1000

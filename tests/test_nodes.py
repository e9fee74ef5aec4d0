"""A command is started on every node of a job of SLURM, or the error says what is missing."""

import os
import subprocess
import sys

import pytest

from vita.runtime import nodes
from vita.runtime.errors import UserError


def test_srun_starts_a_task_on_each_node() -> None:
    call = nodes.over_nodes(["python", "-m", "x", "a b"], 2, {"SLURM_JOB_ID": "7"})
    options = call[: call.index("sh")]
    assert options[0] == "srun"
    assert {"--nodes=2", "--ntasks=2", "--kill-on-bad-exit=1"} <= set(options)
    assert call[-4:] == ["python", "-m", "x", "a b"]
    task = [*call[len(options) : -4], "sh", "-c", 'echo "$NODE_RANK" "$0"', "a b"]
    second = os.environ | {"SLURM_NODEID": "1"}
    shown = subprocess.run(task, env=second, capture_output=True, text=True, check=True)
    assert shown.stdout == "1 a b\n"


def test_without_slurm_the_error_names_the_key() -> None:
    with pytest.raises(UserError, match=r"'training\.nodes' is 2.*this is not one.*profiles/slurm.*set it to 1"):
        nodes.over_nodes(["true"], 2, {})


def test_one_node_needs_no_slurm() -> None:
    command = [sys.executable, "-m", "vita.runtime.nodes", "--count", "1", "--", "printf", "%s.", "a b", "-c"]
    without = os.environ | {"PATH": "/usr/bin:/bin"}
    run = subprocess.run(command, env=without, capture_output=True, text=True, check=True)
    assert run.stdout == "a b.-c."

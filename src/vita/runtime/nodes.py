r"""Start a command on every node of a job of SLURM, so that the nodes train one model together.

    python -m vita.runtime.nodes --count 2 -- \
        python -m vita.runtime.gpus --count 4 -- python -m vita.training.stage1 --shards ...

With `--count 1` the command simply starts, in a job of SLURM or without one. Otherwise this runs on the job's first
node, and `srun` starts the command once on each. The nodes find each other
by MASTER_ADDR, MASTER_PORT (a port of this node) and NODE_RANK, as PyTorch and Lightning call them; the command itself
starts the processes of a node's devices.
"""

import os
import socket
import sys
from argparse import ArgumentTypeError
from collections.abc import Mapping, Sequence

from vita.runtime import cli
from vita.runtime.errors import UserError

# each task learns its own node only from srun
_TASK = 'export NODE_RANK="$SLURM_NODEID"; exec "$@"'


def _count(text: str) -> int:
    if not text.isdecimal() or not int(text):
        raise ArgumentTypeError(f"{text!r} is not a number of nodes")
    return int(text)


def over_nodes(command: Sequence[str], count: int, surroundings: Mapping[str, str]) -> list[str]:
    """The call of `srun` that starts a command on each node, and ends all of them when one fails.

    Args:
        command: with its arguments.
        count: nodes, more than one.
        surroundings: environment variables.

    Raises:
        UserError: this is not a job of SLURM.
    """
    if "SLURM_JOB_ID" not in surroundings:
        raise UserError(
            f"config: 'training.nodes' is {count}, which needs a job of SLURM on {count} nodes, but this is not one; "
            "start with --profile workflow/profiles/slurm, or set it to 1"
        )
    # Snakemake hides SLURM's other variables from its jobs; without numbers of CPUs and GPUs a task has its whole node
    options = [f"--nodes={count}", f"--ntasks={count}", "--cpu-bind=none"]
    options += ["--input=none", "--wait=0", "--kill-on-bad-exit=1"]
    return ["srun", *options, "sh", "-c", _TASK, "sh", *command]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("", 0))
        return int(probe.getsockname()[1])


def main(arguments: list[str] | None = None) -> None:
    """Command line; see the module's docstring."""
    parser = cli.parser(__doc__)
    parser.add_argument("--count", type=_count, required=True, help="nodes; 1 to start the command here")
    parser.add_argument("command", nargs="+", help="what to start, after --")
    options = parser.parse_args(arguments)
    command = options.command
    if options.count > 1:
        command = over_nodes(command, options.count, os.environ)
        os.environ |= {"MASTER_ADDR": socket.gethostname(), "MASTER_PORT": str(_free_port())}
    sys.stdout.flush()
    os.execvp(command[0], command)


if __name__ == "__main__":
    cli.run(main)

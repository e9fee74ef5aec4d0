"""Start a command on GPUs that no other job of this machine has.

    python -m vita.runtime.gpus --count 1 -- python -m vita.training.stage1 --shards ...

Snakemake counts GPUs but does not assign them. Here, a device is held by the lock of a file in the machine's temporary
folder: the command inherits the lock, so that it ends with the job, however the job ends. The command sees only its own
devices, by CUDA_VISIBLE_DEVICES; with `--count 0` it sees none. If SLURM gave exactly the devices asked for, they are
taken as they are.
"""

import fcntl
import os
import sys
import tempfile
import time
from argparse import ArgumentTypeError
from contextlib import suppress
from pathlib import Path

from vita.runtime import cli
from vita.runtime.errors import UserError
from vita.runtime.machine import visible_gpus

_PAUSE_S = 0.5


def _count(text: str) -> int:
    if not text.isdecimal():
        raise ArgumentTypeError(f"{text!r} is not a number of GPUs")
    return int(text)


def lease(count: int, devices: list[str], folder: Path) -> list[str]:
    """Lock free devices for this process and those that it becomes; waits until there are enough.

    Args:
        count: devices wanted.
        devices: names to choose from.
        folder: of the lock files, the same for all jobs of the machine.

    Returns:
        `count` names.

    Raises:
        UserError: the machine has fewer devices than wanted.
    """
    if len(devices) < count:
        raise UserError(
            f"{count} GPUs are requested, but this machine has {len(devices)}; see 'resources.rules' of the config"
        )
    while True:
        held = {name: handle for name in devices if (handle := _lock(folder / f"vita-gpu-{name}.lock")) is not None}
        for name in list(held)[count if len(held) >= count else 0 :]:
            os.close(held.pop(name))
        if held:
            for handle in held.values():
                os.set_inheritable(handle, True)
            return list(held)
        time.sleep(_PAUSE_S)


def _lock(path: Path) -> int | None:
    """Descriptor of the locked file, which any user may lock; None if another process holds it."""
    with suppress(FileExistsError):
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDONLY, 0o444))
    handle = os.open(path, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        return None
    return handle


def main(arguments: list[str] | None = None) -> None:
    """Command line; see the module's docstring."""
    parser = cli.parser(__doc__)
    parser.add_argument(
        "--count", type=_count, required=True, help="GPUs wanted; 0 for a command that computes on CPUs"
    )
    parser.add_argument("command", nargs="+", help="what to start, after --")
    options = parser.parse_args(arguments)
    devices = visible_gpus() if options.count else []
    job = os.environ.get("SLURM_JOB_ID")
    if options.count and not (job and len(devices) == options.count):
        folder = Path(tempfile.gettempdir())
        if job:
            # device 0 of another job on the same node may be another one
            folder = folder / f"vita-gpus-{job}"
            folder.mkdir(exist_ok=True)
        devices = lease(options.count, devices, folder)
    os.environ["CUDA_VISIBLE_DEVICES"] = ",".join(devices)
    sys.stdout.flush()
    os.execvp(options.command[0], options.command)


if __name__ == "__main__":
    cli.run(main)

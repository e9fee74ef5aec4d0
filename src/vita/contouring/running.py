"""One run of the user's command, with a time limit, and the last lines of its output."""

import subprocess
from collections.abc import Sequence
from pathlib import Path

import psutil

from vita.contouring.template import KEY
from vita.runtime.errors import UserError

LONGEST_LINE = 200  # characters that are quoted
_TAIL_BYTES = 65536
_PATIENCE_S = 10


def run(words: Sequence[str], limit_s: float, output: Path) -> str | None:
    """Run a command, without a shell; why it failed, or None.

    Args:
        words: the program and its arguments.
        limit_s: after which it is ended, with all that it started.
        output: file that takes all that it prints.

    Raises:
        UserError: the program cannot be started.
    """
    with output.open("wb") as file:
        try:
            process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=file, stderr=subprocess.STDOUT)
        except OSError as error:
            raise UserError(f"config: '{KEY}' begins with {words[0]}, which cannot run: {error.strerror}") from error
        try:
            code = process.wait(limit_s)
        except subprocess.TimeoutExpired:
            return f"the command took longer than {limit_s:g} s ('images.masks.command_timeout_s')"
        finally:
            _end(process)
    if code < 0:
        return f"the command was ended by signal {-code}"
    return f"the command ended with {code}" if code else None


def _end(process: "subprocess.Popen[bytes]") -> None:
    """Kill a process that still runs, and all that it started."""
    if process.poll() is not None:
        return
    try:
        family = psutil.Process(process.pid).children(recursive=True)
    except psutil.NoSuchProcess:
        family = []
    process.kill()
    for child in family:
        if child.is_running():
            child.kill()
    process.wait(_PATIENCE_S)
    psutil.wait_procs(family, _PATIENCE_S)


def last_line(output: Path, hidden: Path) -> str | None:
    """The last line that a command printed, without the folder that it worked in; None if it printed nothing."""
    with output.open("rb") as file:
        file.seek(max(output.stat().st_size - _TAIL_BYTES, 0))
        text = file.read().decode(errors="replace")
    lines = ["".join(filter(str.isprintable, line)).strip() for line in text.splitlines()]
    spoken = [line.replace(f"{hidden}/", "") for line in lines if line]
    return spoken[-1][:LONGEST_LINE] if spoken else None

"""The progress of running trainings in the terminal, from the line that each writes to its log after an epoch."""

import re
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

_EPOCH = re.compile(
    r"epoch (?P<epoch>\d+)/(?P<epochs>\d+), (?P<left>\d+) s left: .*?\bval_loss (?P<loss>[-+.\deinfa]+)"
)
_TAIL_BYTES = 8192
_LOOK_S, _AGAIN_S = 2.0, 15.0  # between two looks; between two lines about the same training


class Progress:
    """Prints a line about each running training when it has finished an epoch, at most every few seconds.

    Args:
        logs: folder with the folders of the rules' logs.
        stream: to print to.
        again_s: least time between two lines about a training that has not ended.
    """

    def __init__(self, logs: Path, stream: TextIO | None = None, again_s: float = _AGAIN_S) -> None:
        self.logs, self.stream, self.again_s = logs, stream or sys.stderr, again_s
        self._since = time.time() - 1  # clocks of file systems are coarse
        self._told: dict[Path, tuple[str, float]] = {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="progress", daemon=True)

    def start(self) -> None:
        """Start looking, in a thread beside the run."""
        self._thread.start()

    def stop(self) -> None:
        """Stop printing."""
        self._stop.set()

    def _run(self) -> None:
        while not self._stop.wait(_LOOK_S):
            for line in self.lines(time.time()):
                print(line, file=self.stream, flush=True)

    def lines(self, now: float) -> Iterator[str]:
        """Lines about what is new since the last look.

        Args:
            now: seconds since the epoch.
        """
        for path in sorted(self.logs.glob("train_*/**/*.log")):
            found = self._last(path)
            if found is None:
                continue
            before, when = self._told.get(path, ("", 0.0))
            ended = found["epoch"] == found["epochs"]
            if found[0] != before and (ended or now - when >= self.again_s):
                self._told[path] = (found[0], now)
                yield self._line(path, found)

    def _last(self, path: Path) -> re.Match[str] | None:
        """The last epoch in a log that was written since the run began."""
        try:
            if path.stat().st_mtime < self._since:
                return None
            with path.open("rb") as file:
                file.seek(max(0, path.stat().st_size - _TAIL_BYTES))
                text = file.read().decode("utf-8", errors="replace")
        except OSError:  # a job that starts again removes its log
            return None
        return max(_EPOCH.finditer(text), key=lambda match: match.start(), default=None)

    def _line(self, path: Path, found: re.Match[str]) -> str:
        name = " ".join(path.relative_to(self.logs).with_suffix("").parts)
        left = int(found["left"])
        time_left = f"{left / 60:.0f} min" if left >= 120 else f"{left} s"
        return (
            f"{name}: epoch {found['epoch']} of {found['epochs']}, {time_left} left, validation loss {found['loss']} "
            f"[{path}]"
        )

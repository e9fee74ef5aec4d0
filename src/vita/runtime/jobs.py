"""What the terminal shows of a run's jobs: why each runs, how far trainings are, and what went wrong.

Snakemake's own words are long: of changed settings all before and after, of a failed job no more than that it failed.
"""

import ast
import json
import logging
import re
import shlex
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, TextIO

_PARAMS = re.compile(
    r"Params have changed since last execution: .*?before: (?P<before>.*?) now: (?P<now>.*)", re.DOTALL
)
_TEXT = re.compile(r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"", re.DOTALL)
_DIGEST = re.compile(r"[0-9a-f]{16}")
_FILES = re.compile(r"(?P<what>[\w ]+ files(?: updated by another job)?): (?P<files>[^;]+)")
_MOST_KEYS = 4
_MOST_FILES = 2  # the names of 160 shards do not help
_LONGEST = 300  # characters
_FAILED_LOG = re.compile(r"^\s+log: (?P<paths>.+) \(check log file", re.MULTILINE)
_EPOCH = re.compile(
    r"epoch (?P<epoch>\d+)/(?P<epochs>\d+), (?P<left>\d+) s left: .*?\bval_loss (?P<loss>[-+.\deinfa]+)"
)
_TAIL_BYTES = 8192
_LOOK_S, _AGAIN_S = 2.0, 15.0  # between two checks; between two lines about the same training


class Shorter(logging.Filter):
    """Shortens the reason of a job in Snakemake's log, and adds the job's own log to its message."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Change the record in place; returns True, so that it is shown."""
        reason, message, logs = (getattr(record, name, None) for name in ("reason", "rule_msg", "log"))
        if isinstance(reason, str):
            record.reason = short_reason(reason)
            if message and logs:
                record.rule_msg = f"{message} [{', '.join(map(str, logs))}]"
        return True


def short_reason(reason: str) -> str:
    """The reason, with only the keys of changed params and at most a few lines long."""
    found = _PARAMS.search(reason)
    if found:
        reason = reason[: found.start()] + _changes(found["before"], found["now"])
    reason = _FILES.sub(_few, reason)
    return reason if len(reason) <= _LONGEST else reason[:_LONGEST].rsplit(", ", 1)[0] + ", ..."


def _few(files: re.Match[str]) -> str:
    """The first files, and how many more there are."""
    names = files["files"].split(", ")
    more = f" and {len(names) - _MOST_FILES} more" if len(names) > _MOST_FILES else ""
    return f"{files['what']}: {', '.join(names[:_MOST_FILES])}{more}"


def _changes(before: str, now: str) -> str:
    """What differs between two sets of params, as Snakemake prints them."""
    old, new = list(_values(before)), list(_values(now))
    keys = _keys([each for each in old if isinstance(each, dict)], [each for each in new if isinstance(each, dict)])
    parts = [f"changed: {', '.join(keys[:_MOST_KEYS])}" + (", ..." if len(keys) > _MOST_KEYS else "")] if keys else []
    if any(isinstance(each, str) and _DIGEST.fullmatch(each) for each in new):
        parts.append("the rule's code or files have changed")
    return "; ".join(parts) or "the rule's arguments have changed"


def _values(text: str) -> Iterator[Any]:
    """Params: settings as dictionaries, the others as text."""
    for token in _TEXT.findall(text):
        value = ast.literal_eval(token)
        try:
            (word,) = shlex.split(value)
            yield json.loads(word)
        except ValueError:  # several words, or not JSON
            yield value


def _keys(old: list[dict[str, Any]], new: list[dict[str, Any]]) -> list[str]:
    """Keys whose value changed, such as `stage.lr 0.001 -> 0.002`; new and removed ones by name only."""
    before = {key: value for each in old for key, value in _flat(each)}
    after = {key: value for each in new for key, value in _flat(each)}
    keys = sorted(key for key in before.keys() | after.keys() if before.get(key) != after.get(key))
    both = before.keys() & after.keys()
    return [f"{key} {before[key]} -> {after[key]}" if key in both else key for key in keys]


def _flat(block: dict[str, Any], where: str = "") -> Iterator[tuple[str, str]]:
    for key, value in block.items():
        name = f"{where}.{key}" if where else key
        if isinstance(value, dict):
            yield from _flat(value, name)
        else:
            yield name, json.dumps(value)


def failure_lines(snakemake_logs: Sequence[str]) -> list[str]:
    """The line that each failed job ended with, and the job's log, in the order of failing.

    That is the job's own `error: ...` or, if it ended by a traceback or a signal, its last line.

    Args:
        snakemake_logs: Snakemake's own logs of the run; paths in them are relative to the working directory.
    """
    texts = [Path(log).read_text(encoding="utf-8", errors="replace") for log in snakemake_logs]
    named = [path for text in texts for paths in _FAILED_LOG.findall(text) for path in paths.split(", ")]
    paths = dict.fromkeys(
        path for path in named if "/slurm_logs/" not in path
    )  # the log of a node's Snakemake repeats it
    return [f"{line} [{path}]" for path in paths for line in _said(Path(path))]


def _said(log: Path) -> list[str]:
    """Lines `error: ...` of a job's log, or its last line as one."""
    if not log.is_file():
        return ["error: the job left no log; Snakemake's own messages are above"]
    lines = [line.strip() for line in log.read_text(encoding="utf-8", errors="replace").splitlines() if line.strip()]
    own = [line for line in lines if line.startswith("error: ")]
    return own or [f"error: ended after: {lines[-1]}" if lines else "error: the job ended without a message"]


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
        """Start watching, in a separate thread of the run."""
        self._thread.start()

    def stop(self) -> None:
        """Stop printing."""
        self._stop.set()

    def _run(self) -> None:
        while not self._stop.wait(_LOOK_S):
            for line in self.lines(time.time()):
                print(line, file=self.stream, flush=True)

    def lines(self, now: float) -> Iterator[str]:
        """Lines about changes since the last check.

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

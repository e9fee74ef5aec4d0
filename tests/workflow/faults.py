"""Runs of the workflow that are killed at random moments, and what is compared with an undisturbed one."""

import hashlib
import os
import random
import re
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from workflow.test_dry_runs import ROOT

# byte for byte the same whenever they are made
COMPARED = ("cohort", "embeddings", "images", "metrics", "predictions", "tables", "tabular")
FINISHED = ("metrics", "predictions", "tables")
_PAUSE_S = 0.05


def start(folder: Path, arguments: list[str]) -> subprocess.Popen[str]:
    """The command of a user, in a process group of its own; what it prints goes to `log` in the folder."""
    command = [sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile"), "--directory", str(folder)]
    with (folder / "log").open("a") as log:
        return subprocess.Popen(
            [*command, "--cores", "2", "--quiet", "rules", *arguments], stdout=log, stderr=log, start_new_session=True
        )


def digests(folder: Path, parts: tuple[str, ...]) -> dict[str, str]:
    """Digest of each file by its name below results/; half-written files under temporary names do not count."""
    results = folder / "results"
    files = [path for part in parts for path in (results / part).rglob("*") if path.is_file()]
    whole = [path for path in files if not path.name.startswith(".part-")]
    return {str(path.relative_to(results)): hashlib.sha256(path.read_bytes()).hexdigest() for path in whole}


def jobs_of(run: subprocess.Popen[str]) -> list[psutil.Process]:
    """The shell of each job under way, by its command."""
    try:
        children = psutil.Process(run.pid).children()
        return [child for child in children if "vita." in " ".join(child.cmdline())]
    except psutil.NoSuchProcess:
        return []


def kill_tree(process: psutil.Process) -> None:
    """Kill -9 a process and all that it started."""
    for member in [process, *process.children(recursive=True)]:
        try:
            member.kill()
        except psutil.NoSuchProcess:
            continue


@dataclass
class Disturbed:
    """What was done to a run: a line a kill, and how often the command was given."""

    starts: int = 0
    finished: int = 0
    lines: list[str] = field(default_factory=list)


class Disturber:
    """Gives the same command again and again, and kills it or one of its jobs in between.

    Args:
        folder: of the run.
        arguments: of Snakemake.
        undisturbed: digests of all compared files of a run without kills.
        mean_s: mean time between kills.
        seed: of moments and victims.
    """

    def __init__(self, folder: Path, arguments: list[str], undisturbed: dict[str, str], mean_s: float, seed: int):
        self.folder, self.arguments, self.undisturbed, self.mean_s = folder, arguments, undisturbed, mean_s
        self.random = random.Random(seed)
        self.done = Disturbed()
        self.run: subprocess.Popen[str] | None = None
        self.began = 0.0

    def disturb(self, kills: int) -> Disturbed:
        """So many kills, in turn of Snakemake and of a job; then the command until it succeeds."""
        for number in range(kills):
            self._wait(self.random.uniform(0, 2 * self.mean_s))
            victim = self._kill_snakemake() if number % 2 else self._kill_job()
            self.done.lines.append(f"kill {number + 1}: {time.monotonic() - self.began:.1f} s after a start, {victim}")
            self.compare()
        for _ in range(kills + 1):
            self._started()
            if self.run.wait() == 0:
                return self.done
            self.run = None
        raise AssertionError((self.folder / "log").read_text()[-3000:])

    def compare(self) -> None:
        """A file under its own name is whole, whenever the run was cut."""
        there = digests(self.folder, COMPARED)
        different = [name for name, digest in there.items() if self.undisturbed.get(name) != digest]
        assert not different, f"after {self.done.lines[-1:]}: {different}"

    def _started(self) -> None:
        """Give the command if it does not run; begin anew after one that came to its end."""
        if self.run is not None and self.run.poll() == 0:
            self.done.finished += 1
            self.compare()
            subprocess.run(["rm", "-rf", str(self.folder / "results")], check=True)
        if self.run is None or self.run.poll() is not None:
            self.run, self.began = start(self.folder, self.arguments), time.monotonic()
            self.done.starts += 1

    def _wait(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self._started()
            time.sleep(_PAUSE_S)

    def _kill_job(self) -> str:
        while True:
            self._started()
            if jobs := jobs_of(self.run):
                job = self.random.choice(jobs)
                try:
                    module = re.search(r"-m (vita\.(?!gpus)[\w.]+)", " ".join(job.cmdline()))
                    kill_tree(job)
                except psutil.NoSuchProcess:
                    continue
                return f"job {module[1] if module else job.pid}"
            time.sleep(_PAUSE_S)

    def _kill_snakemake(self) -> str:
        self._started()
        working = len(jobs_of(self.run))
        os.kill(self.run.pid, 9)
        self.run.wait()
        self.run = None
        return f"Snakemake, whose {working} jobs go on"

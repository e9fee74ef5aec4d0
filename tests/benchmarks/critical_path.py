"""How long a finished run would take on a number of cores, from its job graph and the processor time of its jobs.

    python tests/benchmarks/critical_path.py . --cores 8

Reads Snakemake's metadata and `results/benchmarks` of the folder where the run was started. Of jobs that are ready, the
one with the longest way to the end starts first. Memory, disks and cores that slow each other down are not simulated.
Further seeds are left out.
"""

import argparse
import base64
import binascii
import csv
import heapq
import json
from collections import defaultdict
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

START_S = 1.5  # of a job, before its command is measured


@dataclass
class Job:
    """A job of the run: what it read and wrote, and its processor time."""

    seconds: float
    inputs: set[str] = field(default_factory=set)
    outputs: set[str] = field(default_factory=set)


def jobs_of(folder: Path) -> dict[str, Job]:
    """Jobs of a run by their log, or by their output where they have none."""
    found: dict[str, Job] = {}
    metadata = folder / ".snakemake/metadata"
    for path in sorted(path for path in metadata.rglob("*") if path.is_file()):
        # the name of an output in base 64; a long one lies in folders that begin with @
        encoded = "".join(part.removeprefix("@") for part in path.relative_to(metadata).parts)
        try:
            name = base64.b64decode(encoded).decode()
        except (binascii.Error, UnicodeDecodeError):
            continue
        if not (folder / name).exists() or "seeds/" in name:
            continue
        record = json.loads(path.read_text(encoding="utf-8"))
        log = (record.get("log") or [name])[0]
        job = found.setdefault(log, Job(seconds_of(folder, log)))
        job.outputs.add(name)
        job.inputs.update(record.get("input") or [])
    return found


def seconds_of(folder: Path, log: str) -> float:
    """Processor time of the job with this log, in seconds; of a job without a benchmark, that of its start."""
    table = folder / log.replace("results/logs", "results/benchmarks").replace(".log", ".tsv")
    if not table.is_file() or table.suffix != ".tsv":
        return START_S
    with table.open(encoding="utf-8") as lines:
        return float(list(csv.DictReader(lines, delimiter="\t"))[-1]["cpu_time"]) + START_S


def simulated(jobs: dict[str, Job], cores: int) -> tuple[float, list[str]]:
    """Seconds that the jobs take on so many cores, and the longest way through them, by their logs."""
    maker = {output: log for log, job in jobs.items() for output in job.outputs}
    needs = {log: {maker[path] for path in job.inputs if path in maker} - {log} for log, job in jobs.items()}
    users = defaultdict(list)
    for log, needed in needs.items():
        for one in needed:
            users[one].append(log)

    @cache
    def to_the_end(log: str) -> float:
        return jobs[log].seconds + max(map(to_the_end, users[log]), default=0.0)

    waiting = {log: len(needed) for log, needed in needs.items()}
    ready = [(-to_the_end(log), log) for log, count in waiting.items() if not count]
    heapq.heapify(ready)
    running: list[tuple[float, str]] = []
    now = 0.0
    while ready or running:
        while ready and len(running) < cores:
            _, log = heapq.heappop(ready)
            heapq.heappush(running, (now + jobs[log].seconds, log))
        now, done = heapq.heappop(running)
        for log in users[done]:
            waiting[log] -= 1
            if not waiting[log]:
                heapq.heappush(ready, (-to_the_end(log), log))
    longest = [max(jobs, key=to_the_end)]
    while users[longest[-1]]:
        longest.append(max(users[longest[-1]], key=to_the_end))
    return now, longest


def main() -> None:
    """Command line; see the module's docstring."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="where the run was started")
    parser.add_argument("--cores", type=int, default=8)
    args = parser.parse_args()
    jobs = jobs_of(args.folder)
    took_s, longest = simulated(jobs, args.cores)
    total_s = sum(job.seconds for job in jobs.values())
    print(f"{len(jobs)} jobs, {total_s / 60:.1f} min of processor time; {took_s / 60:.1f} min on {args.cores} cores")
    print(f"longest way: {sum(jobs[log].seconds for log in longest) / 60:.1f} min")
    for log in longest:
        print(f"  {jobs[log].seconds:6.1f} s {log}")


if __name__ == "__main__":
    main()

"""Speed and memory of the extraction. Run with `-m benchmark -s`; numbers are printed."""

import subprocess
import sys
import time
from collections.abc import Callable
from itertools import permutations
from pathlib import Path
from statistics import median

import polars as pl
import pyarrow as pa
import pyarrow.csv as pacsv
import pytest

import filled
from benchmarks.wide_table import write_wide
from cohort import world
from vita.cohort.delivery import open_delivery
from vita.cohort.reading import stream

pytestmark = pytest.mark.benchmark
AIM = 1.3  # of the fastest reader's CPU time


def fastest(work: Callable[[], object], repeats: int = 3) -> float:
    """Shortest wall time of several runs, s."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return min(times)


def command(table: Path, output: Path) -> list[str]:
    """Extraction in a process of its own, which prints its peak memory, MB."""
    code = (
        "import sys; from vita.cohort import fields; fields.main(sys.argv[1:]);"
        "print([int(line.split()[1]) / 1024 for line in open('/proc/self/status') if line.startswith('VmHWM')][0])"
    )
    arguments = ["--table", str(table), "--features", str(world.FEATURES), "--output", str(output)]
    arguments += ["--settings", filled.argument(cohort={})]
    return [sys.executable, "-c", code, *arguments]


def cpu_and_wall(work: Callable[[], object]) -> tuple[float, float]:
    """Seconds of CPU, of all threads, and of the clock."""
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return time.process_time() - cpu, time.perf_counter() - wall


def test_reading_is_as_fast_as_the_fastest_reader(tmp_path):
    """20,000 x 3,000 quoted cells: the needed columns, checked, against polars and pyarrow, which check nothing.

    In each round all three read, twice in each order, since memory that one gives back late is the next one's CPU
    time. The ratio is that of a round, to the faster of the two, and its median over the rounds counts: 1.13 to 1.17
    were measured while ten processes shared two cores.
    """
    table = tmp_path / "wide.csv"
    names = write_wide(table, 20_000, 3_000)
    delivery = open_delivery(table)
    needed = [column for column in delivery.header.columns if column.canonical in set(names)]
    options = pacsv.ConvertOptions(include_columns=["eid", *names], column_types=dict.fromkeys(names, pa.string()))
    readers = {
        "polars": lambda: pl.read_csv(table, columns=["eid", *names], infer_schema=False),
        "pyarrow": lambda: pacsv.read_csv(table, convert_options=options),
        "here": lambda: [len(batch) for batch in stream(delivery, needed)],
    }
    rounds = []
    for order in [*permutations(readers)] * 2:
        rounds.append({name: cpu_and_wall(readers[name]) for name in order})
    fields_s = fastest(lambda: subprocess.run(command(table, tmp_path / "f.parquet"), check=True), 1)
    for place, title in enumerate(("CPU", "wall")):
        print(title, {name: round(median(each[name][place] for each in rounds), 2) for name in readers})
    print(f"{table.stat().st_size / 1e6:.0f} MB; the whole command {fields_s:.2f} s")
    ratios = [each["here"][0] / min(each["polars"][0], each["pyarrow"][0]) for each in rounds]
    print(f"CPU here / fastest: median {median(ratios):.2f}, from {min(ratios):.2f} to {max(ratios):.2f}")
    assert median(ratios) <= AIM


def test_ten_times_as_fast_as_fmrib_unpack(tmp_path):
    table = tmp_path / "wide.csv"
    names = write_wide(table, 20_000, 3_000)
    variables = ",".join(sorted({name.split("-")[0] for name in names}, key=int))
    unpack = [
        sys.executable,
        "-m",
        "funpack",
        "-ow",
        "-q",
        "-nec",
        "-v",
        variables,
        str(tmp_path / "out.tsv"),
        str(table),
    ]
    ours = fastest(lambda: subprocess.run(command(table, tmp_path / "f.parquet"), check=True, capture_output=True), 3)
    theirs = fastest(lambda: subprocess.run(unpack, check=True, capture_output=True), 1)
    print(f"fmrib_unpack {theirs:.2f} s, here {ours:.2f} s")
    assert ours * 8 <= theirs  # the aim is 10; 9.2 to 10.6 measured


def test_memory_does_not_grow_with_rows(tmp_path):
    """Five times the rows at most 1.3 times the peak memory; on to 502,000 rows by the slope, under 2 GB."""
    peaks = {}
    for rows in (20_000, 100_000):
        table = tmp_path / f"{rows}.csv"
        write_wide(table, rows, 600)
        done = subprocess.run(command(table, tmp_path / "f.parquet"), check=True, capture_output=True, text=True)
        peaks[rows] = float(done.stdout)
        table.unlink()
    slope = (peaks[100_000] - peaks[20_000]) / 80_000
    print({rows: round(peak) for rows, peak in peaks.items()}, f"502,000: {peaks[20_000] + slope * 482_000:.0f} MB")
    assert peaks[100_000] <= 1.3 * peaks[20_000]
    assert peaks[20_000] + slope * 482_000 < 2_000

"""What a Stage I step costs as the image grows, next to the operations that theory counts; a table and a figure.

python -m pytest tests/benchmarks/test_size_cost.py -m benchmark -s
"""

import matplotlib.pyplot as plt
import pandas as pd
import pytest
from matplotlib.figure import Figure

from benchmarks.stage1_step import run_alone
from benchmarks.written import FOLDER, write
from vita.report.figures import style

pytestmark = pytest.mark.benchmark
SIZES = (64, 96, 128, 192, 256)  # 9 planes of 8 x 8 patches: 576 to 9,216 tokens
TRIAL: tuple[str, ...] = ()  # arguments of a smaller trial, such as ("--width", "105")
SUPERLINEAR = 1.5  # time may grow so much faster than the operations do


def draw(table: pd.DataFrame) -> Figure:
    """Time beside operations, and memory, over tokens."""
    style.apply()
    figure, (time, memory) = plt.subplots(1, 2, figsize=(style.PAGE_INCHES, 2.4))
    time.loglog(table["tokens"], table["seconds"], "o-", color=style.BLUE, label="measured")
    first = table.iloc[0]
    theory = table["tflop"] * first["seconds"] / first["tflop"]
    time.loglog(table["tokens"], theory, "--", color=style.GREY, label="operations, scaled to the first point")
    time.set(title="Time of a step", ylabel="Seconds")
    time.legend(loc="upper left")
    memory.semilogx(table["tokens"], table["peak_mb"] / 1000, "o-", color=style.VERMILION)
    memory.set(title="Peak memory of the process", ylabel="GB", ylim=(0, None))
    for axes in (time, memory):
        axes.set_xticks(table["tokens"], [f"{tokens:,}" for tokens in table["tokens"]])
        axes.minorticks_off()
        axes.set_xlabel("Patches of an image (tokens)")
    return figure


def test_cost_follows_the_operations():
    rows = [run_alone("--batch", "1", "--steps", "2", "--size", str(size), *TRIAL) for size in SIZES]
    for row in rows:
        row["gflop_per_second"] = 1000 * row["tflop"] / row["seconds"]
    table = write("stage1_size_cost", rows)
    files = {suffix: FOLDER / f"stage1_size_cost.{suffix}" for suffix in ("svg", "png", "csv")}
    style.save(draw(table), table, style.Files(**files))
    assert table["tokens"].iloc[[0, -1]].tolist() == [576, 9216]
    first, last = table.iloc[0], table.iloc[-1]
    assert last["seconds"] / first["seconds"] <= SUPERLINEAR * last["tflop"] / first["tflop"]

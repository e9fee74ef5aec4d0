"""Where benchmarks leave their numbers: results/benchmarks/<name>.csv, and the terminal."""

from pathlib import Path

import pandas as pd

from vita.runtime.atomic import replacing

FOLDER = Path(__file__).resolve().parents[2] / "results" / "benchmarks"


def write(name: str, rows: list[dict[str, object]]) -> pd.DataFrame:
    """Write a table and print it."""
    table = pd.DataFrame(rows)
    with replacing(FOLDER / f"{name}.csv") as path:
        table.to_csv(path, index=False, float_format="%.6g")
    print(f"\n{name}\n{table.to_string(index=False, float_format=lambda value: f'{value:.4g}')}")
    return table

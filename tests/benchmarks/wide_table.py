"""A wide quoted table for benchmarks: every needed column of the small test world, repeated, among others."""

from pathlib import Path

import numpy as np

from cohort import world


def write_wide(path: Path, rows: int, columns: int, block: int = 500) -> list[str]:
    """Write `rows` x `columns` quoted cells; the world's columns are spread among fillers. Returns needed names."""
    people = world.make_world(block)
    names = [name for name in people if name not in ("eid", "99999-0.0")]
    fillers = [f"{30000 + i}-0.0" for i in range(columns - len(names) - 1)]
    order = list(np.random.default_rng(0).permutation(names + fillers))
    cells = np.random.default_rng(1).choice(["", "1", "12.5", "2016-01-01", "a text"], (block, len(fillers)))
    values = people | {name: list(cells[:, i]) for i, name in enumerate(fillers)}
    lines = ['","'.join(row) for row in zip(*(values[name] for name in order), strict=True)]
    with path.open("w") as table:
        table.write('"eid","' + '","'.join(order) + '"\n')
        for row in range(rows):
            table.write(f'"{1_000_000 + row}","{lines[row % block]}"\n')
    return names

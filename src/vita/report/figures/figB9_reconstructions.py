# ruff: noqa: N999 (the module is named as its figure, and the figure as in the paper)
"""Figure B.9: images of one participant, with patches masked, and reconstructed by each masked autoencoder.

    python -m vita.report.figures.figB9_reconstructions
        --examples results/predictions/reconstruction/vita.npz ...   (one per variant, named by its file)
        --predictions results/predictions/reconstruction/vita.parquet ...   (optional: PSNR on the test split)
        --titles vita='Both views, 70 %' ...   (optional: a variant's printed name)
        --svg results/figures/figB9_reconstructions.svg --png results/figures/figB9_reconstructions.png
        --csv results/figures/figB9_reconstructions.csv

The first example of each file and its first frame are shown. Arrays (examples, 9, time, height, width): `input` and
`reconstruction` in [0, 1], `masked` true where a voxel was hidden. The CSV holds each panel's PSNR in dB (peak 1.0,
over the whole panel), and with `--predictions` the mean over the test split.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from vita import names
from vita.evaluation.predictions import read_arrays, read_predictions
from vita.report.figures import mosaic, style
from vita.runtime import cli
from vita.runtime.errors import UserError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

ARRAYS = ("input", "masked", "reconstruction")
PSNR_COLUMNS = ("eid", "split", "target", "prediction")
FRAME = 0
Row = tuple[str, np.ndarray, np.ndarray]  # its name, pictures (9, height, width), what was seen of them


def read_example(path: Path) -> dict[str, np.ndarray]:
    """First frame of the first example: `input`, `masked`, `reconstruction`, each (9, height, width) float.

    Hidden voxels of `masked` are not a number.

    Raises:
        UserError: the file or an array is missing, there is no example, or `masked` is not boolean.
    """
    if not path.is_file():
        raise UserError(f"no examples file {path}: run the rule that reconstructs the test split")
    arrays = read_arrays(path, ARRAYS)
    if any(len(array) == 0 for array in arrays.values()):
        raise UserError(f"{path} holds no example")
    example = {name: array[0, :, FRAME] for name, array in arrays.items()}
    if example["masked"].dtype != bool:
        raise UserError(f"{path}: `masked` must be true where a voxel was hidden, and is {example['masked'].dtype}")
    example["masked"] = np.where(example["masked"], np.nan, example["input"])
    return {name: array.astype(float) for name, array in example.items()}


def psnr_db(first: np.ndarray, second: np.ndarray) -> float:
    """Peak signal-to-noise ratio with a peak of 1.0, in dB; infinite for equal pictures."""
    error = float(np.mean((first - second) ** 2))
    return float("inf") if error == 0 else -10 * float(np.log10(error))


def split_psnr(paths: list[Path]) -> pd.DataFrame:
    """Mean and SD over the test split by variant and target (`psnr_masked`, `psnr_filled`, `psnr_all`)."""
    parts = [read_predictions(path, columns=PSNR_COLUMNS).assign(variant=path.stem) for path in paths]
    if not parts:
        return pd.DataFrame(columns=["variant", "target", "mean", "std"])
    table = pd.concat(parts, ignore_index=True)
    return table.groupby(["variant", "target"])["prediction"].agg(["mean", "std"]).reset_index()


def describe(examples: dict[str, dict[str, np.ndarray]], measured: pd.DataFrame) -> pd.DataFrame:
    """PSNR of each panel, and of the test split where it is known."""
    rows = [
        {"variant": name, "plane": title, "quantity": "psnr_panel_db"}
        | {"value": psnr_db(example["reconstruction"][plane], example["input"][plane])}
        for name, example in examples.items()
        for plane, title in enumerate(style.PLANES)
        if plane in mosaic.SHOWN_PLANES and example["input"][plane].any()
    ]
    for _, row in measured.iterrows():
        for statistic in ("mean", "std"):
            quantity = f"{row['target']}_{statistic}_db"
            rows.append({"variant": row["variant"], "plane": "all", "quantity": quantity, "value": row[statistic]})
    return pd.DataFrame(rows)


def hidden_share(example: dict[str, np.ndarray]) -> float:
    """Share of the voxels of the planes that a variant sees that are hidden from it."""
    return float(np.isnan(example["masked"][_seen(example)]).mean())


def alike(one: dict[str, np.ndarray], other: dict[str, np.ndarray]) -> bool:
    """Whether the same patches are hidden from two variants, in the planes that both see."""
    both = _seen(one) & _seen(other)
    return bool(both.any()) and np.array_equal(one["masked"][both], other["masked"][both], equal_nan=True)


def masked_alike(examples: dict[str, dict[str, np.ndarray]]) -> list[list[str]]:
    """Variants in groups that share their hidden patches: who sees the most planes first, then who hides the fewest.

    Within a group they keep their order, but for who sees the most planes, who comes first.
    """
    groups: list[list[str]] = []
    for name in sorted(examples, key=lambda name: -_seen(examples[name]).sum()):
        own = next((group for group in groups if alike(examples[group[0]], examples[name])), None)
        groups.append([name]) if own is None else own.append(name)
    return sorted(groups, key=lambda group: (-_seen(examples[group[0]]).sum(), hidden_share(examples[group[0]])))


def _seen(example: dict[str, np.ndarray]) -> np.ndarray:
    """Which planes a variant sees: (9,) bool."""
    return _filled(example["input"])


def _filled(pictures: np.ndarray) -> np.ndarray:
    """Which of the pictures (9, height, width) hold anything: (9,) bool."""
    return np.asarray(pictures.any(axis=(1, 2)))


def draw(examples: dict[str, dict[str, np.ndarray]], titles: dict[str, str], measured: pd.DataFrame) -> Figure:
    """Below the input, the visible patches of each set, and each variant's reconstruction from them."""
    groups = masked_alike(examples)
    inputs = examples[groups[0][0]]["input"]
    rows = [("Input", inputs, inputs)]
    for group in groups:
        first = examples[group[0]]
        of_group = [(f"{100 * hidden_share(first):.0f} % hidden", first["masked"], first["input"])]
        for name in group:
            title = titles.get(name, names.title(name))
            of_group += [(f"{title}{_label(measured, name)}", *_made(examples[name]))]
        rows = _beside(rows, of_group) or [*rows, *of_group]
    figure, cells = mosaic.grid([name for name, *_ in rows], list(mosaic.SHOWN_PLANES.values()))
    for place, (_, pictures, seen) in enumerate(rows):
        for column, plane in enumerate(mosaic.SHOWN_PLANES):
            if seen[plane].any():
                mosaic.picture(cells[place, column], mosaic.stretched(pictures[plane], inputs[plane]))
            else:
                mosaic.note(cells[place, column], "not seen" if inputs[plane].any() else "not scanned")
    return figure


def _beside(rows: list[Row], more: list[Row]) -> list[Row]:
    """The rows with others in free places of the last ones, such as of the other view; none if they have no room."""
    last = rows[-len(more) :]
    seen = [(_filled(one[2]), _filled(other[2])) for one, other in zip(last, more, strict=False)]
    if len(more) >= len(rows) or any((one & other).any() for one, other in seen):
        return []
    joined = []
    for one, other, (_, free) in zip(last, more, seen, strict=True):
        name = one[0] if one[0] == other[0] else f"{one[0]}\n{other[0]}"
        pictures, inputs = (np.where(free[:, None, None], other[place], one[place]) for place in (1, 2))
        joined.append((name, pictures, inputs))
    return [*rows[: -len(more)], *joined]


def _made(example: dict[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """What a variant rebuilt, and what it saw."""
    return example["reconstruction"], example["input"]


def _label(measured: pd.DataFrame, name: str) -> str:
    """PSNR over masked patches of the test split, as a third line of a row's name."""
    row = measured[(measured["variant"] == name) & (measured["target"] == "psnr_masked")]
    return f"\n{row['mean'].iloc[0]:.1f} ± {row['std'].iloc[0]:.1f} dB" if len(row) else ""


def _titles(texts: list[str]) -> dict[str, str]:
    pairs = dict(text.partition("=")[::2] for text in texts)
    if not all(pairs.values()):
        raise UserError("--titles needs variant=title, such as vita='Both views, 70 %'")
    return pairs


def main(arguments: list[str] | None = None) -> None:
    """Command line, see the module's docstring."""
    parser = cli.parser(__doc__)
    parser.add_argument("--examples", nargs="+", required=True, type=Path, help="examples, one file per variant")
    parser.add_argument("--predictions", nargs="*", default=[], type=Path, help="PSNR, one file per variant")
    parser.add_argument("--titles", nargs="*", default=[], help="variant=title")
    style.add_common(parser)
    args = parser.parse_args(arguments)
    style.apply()
    examples = {path.stem: read_example(path) for path in args.examples}
    measured = split_psnr(args.predictions)
    style.save(
        draw(examples, _titles(args.titles), measured),
        describe(examples, measured),
        style.Files.of(vars(args)),
    )


if __name__ == "__main__":
    cli.run(main)

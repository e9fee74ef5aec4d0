"""The baseline without a model: the mean of each number and the shares of each class in the training split."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from vita.runtime import cli
from vita.runtime.atomic import replacing
from vita.tabular.targets import Target


def main(arguments: list[str] | None = None) -> None:
    """Command line; see the module's docstring."""
    parser = cli.parser(__doc__)
    parser.add_argument("--task", required=True, help="task of targets.tsv")
    parser.add_argument("--split", type=Path, required=True, help="split.parquet")
    parser.add_argument("--targets", type=Path, required=True, help="targets.tsv, features.tsv beside it")
    parser.add_argument("--fields", type=Path, help="fields.parquet, for a task that needs it")
    parser.add_argument("--phenotypes", type=Path, help="phenotypes.parquet, for a task that needs it")
    parser.add_argument("--labels", type=Path, help="labels of the task's disease, for a task of one")
    parser.add_argument("--predictions", type=Path, required=True, help="output: predictions, parquet")
    args = parser.parse_args(arguments)
    from vita.tabular.truth import load_targets  # start-up

    values, targets = load_targets(args.targets, args.task, args.fields, args.phenotypes, args.labels)
    split = pd.read_parquet(args.split).set_index("eid")["split"].sort_index()
    with replacing(args.predictions) as path:
        guess(values, targets, split).to_parquet(path, index=False)


def guess(values: pd.DataFrame, targets: Sequence[Target], split: pd.Series) -> pd.DataFrame:
    """The same guess for everybody in the validation and test splits.

    Args:
        values: one column per target, indexed by eid; NaN where unknown.
        targets: to guess.
        split: of every participant, indexed by eid.

    Returns:
        The long table of predictions, as `long_table.long_table` gives it for a model.
    """
    values = values.reindex(split.index)
    parts = []
    for target in targets:
        known = values.loc[split == "train", target.name].dropna().to_numpy(float)
        guessed = [known.mean()] if known.size else []
        if target.kind == "categorical" and known.size:
            guessed = (np.bincount(known.astype(int), minlength=target.classes) / known.size).tolist()
        for place, value in enumerate(guessed):
            part = pd.DataFrame({"eid": split.index, "split": split.to_numpy(), "target": target.name})
            part["truth"], part["prediction"] = values[target.name].to_numpy(), value
            part["class"] = place if target.kind == "categorical" else -1
            part["threshold"] = 0.5 if target.kind == "binary" else np.nan
            parts.append(part[part["split"] != "train"])
    return pd.concat(parts, ignore_index=True)


if __name__ == "__main__":
    cli.run(main)

"""The baseline without a model: the training split's mean of numbers, and its shares of classes."""

from argparse import Namespace
from pathlib import Path

import numpy as np
import pandas as pd

from vita.runtime import cli
from vita.runtime.atomic import replacing


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
    guess(parser.parse_args(arguments))


def guess(args: Namespace) -> None:
    """Write the same guess for everybody in the validation and test splits."""
    from vita.tabular.truth import load_targets

    values, targets = load_targets(args.targets, args.task, args.fields, args.phenotypes, args.labels)
    split = pd.read_parquet(args.split).set_index("eid")["split"].sort_index()
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
    with replacing(args.predictions) as path:
        pd.concat(parts, ignore_index=True).to_parquet(path, index=False)


if __name__ == "__main__":
    cli.run(main)

"""The command line that vita.evaluation.regression and .classification share: metrics of one system for one task."""

from collections.abc import Callable
from pathlib import Path

import pandas as pd

from vita.evaluation.predictions import read_predictions, read_targets
from vita.runtime import cli
from vita.runtime.atomic import replacing

# (predictions, targets, predictions of each baseline, system, bootstrap resamples, seed) to a row per target
Evaluate = Callable[[pd.DataFrame, pd.DataFrame, dict[str, pd.DataFrame], str, int, int], pd.DataFrame]


def command(description: str | None, evaluate: Evaluate, arguments: list[str] | None) -> None:
    """Read what `arguments` name, evaluate it, and write the metrics; `description` is the module's docstring."""
    parser = cli.parser(description)
    parser.add_argument("--task", required=True, help="task as in targets.tsv")
    parser.add_argument("--model", required=True, help="name of the system")
    parser.add_argument("--predictions", required=True, type=Path, help="the system's predictions (parquet)")
    parser.add_argument("--baselines", nargs="*", default=[], type=Path, help="predictions to test against")
    parser.add_argument("--targets", required=True, type=Path, help="targets.tsv")
    parser.add_argument("--output", required=True, type=Path, help="metrics CSV to write")
    cli.add_settings(parser, "seed and the block `evaluation`")
    args = parser.parse_args(arguments)
    table = evaluate(
        read_predictions(args.predictions),
        read_targets(args.targets, args.task),
        {path.stem: read_predictions(path) for path in args.baselines},
        args.model,
        args.settings.get("evaluation", {}).get("bootstrap", 1000),
        args.settings.get("seed", 0),
    )
    with replacing(args.output) as path:
        table.to_csv(path, index=False)

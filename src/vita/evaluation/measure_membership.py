"""Membership attacks on each model: their success decides whether its weights may be released.

    python -m vita.evaluation.measure_membership --models results/models --folders stage1/vita stage2/vita ...
        --shards results/images/shards/*.npz --split results/cohort/split.parquet
        --settings '{"seed": 2026, "training": {...}}' --output results/metrics/membership.csv

Members are people of the training split; those of validation and test are held out. Each model makes one pass over
both, and so does an untrained model of the same sizes, as a control. Nothing about a single person is written.
"""

import logging
from pathlib import Path

from vita.config.blocks import needed
from vita.runtime import cli

log = logging.getLogger(__name__)


def main(arguments: list[str] | None = None) -> None:
    """Command line; see the module's docstring."""
    parser = cli.parser(__doc__)
    parser.add_argument("--models", type=Path, required=True, help="folder of the models")
    parser.add_argument("--folders", nargs="*", default=[], help="of each model, below --models")
    cli.add_samples(parser)
    parser.add_argument("--targets", type=Path, help="targets.tsv, features.tsv beside it")
    parser.add_argument("--fields", type=Path, help="fields.parquet")
    parser.add_argument("--phenotypes", type=Path, help="phenotypes.parquet")
    parser.add_argument("--labels", type=Path, help="labels.parquet")
    parser.add_argument("--encoded", type=Path, help="encoded.parquet, for Stage II")
    parser.add_argument("--encoder", type=Path, help="encoder.json, for Stage II")
    parser.add_argument(
        "--segmented", type=int, default=500, help="largest number of members for attacks on a segmenter"
    )
    parser.add_argument("--output", type=Path, required=True, help="CSV: a row per model and attack")
    cli.add_settings(parser, "seed and the block training")
    args = parser.parse_args(arguments)
    # imported late, so that --help does not wait for PyTorch
    import pandas as pd
    from threadpoolctl import threadpool_limits

    from vita.evaluation.membership import COLUMNS, measured
    from vita.evaluation.membership_signals import Files, People, signals
    from vita.models.weights import WEIGHTS
    from vita.runtime.atomic import replacing

    tables = {name: getattr(args, name) for name in ("targets", "fields", "phenotypes", "labels", "encoded", "encoder")}
    people = People(
        Files(args.shards, args.split, needed(args.settings, "training"), **tables, segmented=args.segmented)
    )
    parts = [pd.DataFrame(columns=list(COLUMNS))]
    for folder in args.folders:
        if (args.models / folder / WEIGHTS).stat().st_size <= _EMPTY:
            log.info("%s: nothing was learnt, so no attack is possible", folder)
            continue
        with threadpool_limits(needed(args.settings, "training.threads")):
            found, group = signals(args.models / folder, people)
            parts += [measured(folder, signal, group, needed(args.settings, "seed")) for signal in found]
        log.info("%s: AUC at most %.3f", folder, parts[-1]["auc"].max())
    with replacing(args.output) as path:
        pd.concat([part for part in parts if len(part)] or parts, ignore_index=True).to_csv(path, index=False)


_EMPTY = 64  # size in bytes of a weights file without any weights


if __name__ == "__main__":
    cli.run(main)

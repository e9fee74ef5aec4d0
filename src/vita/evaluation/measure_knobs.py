"""How settings of Stage III change what its models reveal of their training, and what that costs in accuracy.

    python -m vita.evaluation.measure_knobs --shards results/images/shards/*.npz --split results/cohort/split.parquet
        --targets workflow/resources/targets.tsv --phenotypes results/images/phenotypes.parquet --task sa_phenotypes
        --init results/models/stage2/vita --knobs '{"as it is": {}, "augment": {"augment": true}}'
        --settings '{"seed": 2026, "model": {...}, "training": {...}, "stage": {...}}' --output knobs.csv

Small trainings on random halves of some people of the training split, see `vita.evaluation.knobs`. Nothing
about a single person is written.
"""

import json
import logging
from pathlib import Path

from vita.runtime import cli
from vita.runtime.errors import UserError

log = logging.getLogger(__name__)

_FEWEST = 4  # so that everybody is outside of another training


def main(arguments: list[str] | None = None) -> None:
    """Command line; see the module's docstring."""
    parser = cli.parser(__doc__)
    cli.add_samples(parser)
    parser.add_argument("--targets", type=Path, required=True, help="targets.tsv, features.tsv beside it")
    parser.add_argument("--phenotypes", type=Path, required=True, help="phenotypes.parquet")
    parser.add_argument("--task", default="sa_phenotypes", help="task of numbers")
    parser.add_argument("--init", type=Path, help="folder of Stage I or II; without it, trainings start from scratch")
    parser.add_argument("--knobs", type=json.loads, required=True, help="JSON: changes to `stage` by a name")
    parser.add_argument("--people", type=int, default=200, help="of the training split; each training takes half")
    parser.add_argument("--trainings", type=int, default=6, help="number of halves")
    parser.add_argument("--output", type=Path, required=True, help="CSV: a row per setting")
    cli.add_settings(parser, "seed and the blocks model, training, stage")
    args = parser.parse_args(arguments)
    if args.trainings < _FEWEST:
        raise UserError(f"--trainings is {args.trainings}; an attack needs at least {_FEWEST}")
    import pandas as pd  # start-up

    from vita.evaluation.knobs import bench, row
    from vita.runtime.atomic import replacing
    from vita.tabular.truth import load_targets
    from vita.training.session import open_session

    session = open_session("stage3", args.shards, args.split, args.settings)
    truth, targets = load_targets(args.targets, args.task, None, args.phenotypes, None)
    people = bench(session, truth, targets, args.people, args.settings, args.init)
    rows = []
    for name, changes in args.knobs.items():
        rows.append(row(people, name, changes, args.trainings))
        log.info("%s: %s", name, ", ".join(f"{key} {value:.3f}" for key, value in list(rows[-1].items())[1:]))
        with replacing(args.output) as path:
            pd.DataFrame(rows).to_csv(path, index=False)


if __name__ == "__main__":
    cli.run(main)

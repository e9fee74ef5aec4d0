"""Controls: what a trivial predictor reaches, in the same tables as the trained systems.

    brightness       mean of each plane in each frame that the systems see
    demographics     age, sex, height and weight
    random_encoder   the image encoder with the weights it is initialised with
    probe_mae        Stage I's encoder, frozen
    probe_vita       Stage II's encoder, frozen

Encoders see the whole cycle in consecutive sections; their features are the mean token of each plane. A ridge (numbers)
or a logistic regression (classes) is fitted on the training split; its penalty, and thresholds, are chosen on
validation. A trained system that does not beat these has shown nothing.
"""

from collections.abc import Sequence
from pathlib import Path

from vita.names import CONTROLS
from vita.runtime import cli
from vita.runtime.errors import UserError


def _starts(pairs: Sequence[str]) -> dict[str, Path]:
    """`task=folder` arguments by task.

    Raises:
        UserError: an argument has no equals sign.
    """
    for pair in pairs:
        if "=" not in pair:
            raise UserError(f"--init {pair}: give task=folder")
    return {task: Path(folder) for task, _, folder in (pair.partition("=") for pair in pairs)}


def main(arguments: Sequence[str] | None = None) -> None:
    """Command line; see the module's docstring."""
    parser = cli.parser(__doc__)
    parser.add_argument("--control", required=True, choices=CONTROLS, help="which one")
    parser.add_argument("--tasks", required=True, nargs="+", help="tasks of targets.tsv")
    cli.add_samples(parser)
    parser.add_argument("--targets", type=Path, required=True, help="targets.tsv, features.tsv beside it")
    parser.add_argument("--fields", type=Path, help="fields.parquet, for demographics or a task that needs it")
    parser.add_argument("--phenotypes", type=Path, help="phenotypes.parquet, for a task that needs it")
    parser.add_argument("--labels", type=Path, help="folder of <disease>.parquet, for tasks of diseases")
    parser.add_argument("--init", nargs="*", default=[], metavar="TASK=FOLDER", help="Stage I or II, for a probe")
    parser.add_argument("--predictions", type=Path, required=True, help="output: folder of <task>/<control>.parquet")
    cli.add_settings(parser, "seed and the blocks model, training, stage")
    args = parser.parse_args(arguments)
    from vita.training.control_fits import Tables, run_control  # start-up: torch and scikit-learn
    from vita.training.session import open_session

    session = open_session("stage3", args.shards, args.split, args.settings)
    tables = Tables(args.targets, args.fields, args.phenotypes, args.labels)
    run_control(args.control, args.tasks, session, tables, _starts(args.init), args.predictions)


if __name__ == "__main__":
    cli.run(main)

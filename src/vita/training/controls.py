"""Controls: the results of trivial predictors, in the same tables as the trained systems.

    brightness       mean of each plane in each frame that the systems see
    demographics     age, sex, height and weight
    random_encoder   the image encoder with its initial, untrained weights
    probe_mae        Stage I's encoder, frozen
    probe_vita       Stage II's encoder, frozen

Encoders see the sections that predictions are averaged over; their features are the mean token of each plane. A ridge
(numbers) or a logistic regression (classes, directly or through numbers such as phenotypes) is fitted on the training
split; its penalty, and thresholds, are chosen on validation. A trained system that does not beat the controls has shown
nothing. `vita.training.freeze` writes the features.
"""

from collections.abc import Sequence
from pathlib import Path

from vita.runtime import cli


def main(arguments: Sequence[str] | None = None) -> None:
    """Command line; see the module's docstring."""
    parser = cli.parser(__doc__)
    parser.add_argument("--task", required=True, help="task of targets.tsv")
    parser.add_argument("--features", nargs="+", required=True, metavar="CONTROL=FILE", help="features of each control")
    parser.add_argument("--split", type=Path, required=True, help="split.parquet")
    parser.add_argument("--targets", type=Path, required=True, help="targets.tsv, features.tsv beside it")
    parser.add_argument("--fields", type=Path, help="fields.parquet, for a task that needs it")
    parser.add_argument("--phenotypes", type=Path, help="phenotypes.parquet, for a task that needs it")
    parser.add_argument("--labels", type=Path, help="labels of the task's disease, for a task of one")
    parser.add_argument("--through", nargs="*", default=[], help="tasks through whose numbers classes may be reached")
    parser.add_argument("--predictions", type=Path, required=True, help="output: folder of <control>.parquet")
    args = parser.parse_args(arguments)
    # imported late for a fast start: torch and scikit-learn
    from vita.training.control_fits import Tables, fit_controls

    tables = Tables(args.targets, args.fields, args.phenotypes, args.labels)
    features = cli.named_files(args.features, "--features")
    fit_controls(args.task, features, args.split, tables, args.predictions, args.through)


if __name__ == "__main__":
    cli.run(main)

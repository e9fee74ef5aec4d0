"""Stage III: learn a task's targets from images alone, or their segmentation, and predict the test split.

The image encoder starts from --init (Stage I for the system mae, Stage II for vita) or from scratch. Writes
model.safetensors (best on validation), config.json (with statistics and thresholds) and history.csv into the output
folder, and predictions for the validation and test splits. If it is run again after an interruption, it resumes; after
the end, it only predicts again.
"""

from pathlib import Path

from vita.runtime import cli
from vita.runtime.errors import UserError

MODELS = ("resnet50", "vit", "mae", "vita", "vita_sa", "vita_la")


def main(arguments: list[str] | None = None) -> None:
    """Command line; see the module's docstring."""
    parser = cli.parser(__doc__)
    parser.add_argument("--task", required=True, help="task of targets.tsv, or segmentation")
    parser.add_argument("--target", help="learn only this target of the task")
    parser.add_argument("--model", required=True, choices=MODELS, help="system")
    cli.add_samples(parser)
    parser.add_argument("--targets", type=Path, required=True, help="targets.tsv, features.tsv beside it")
    parser.add_argument("--fields", type=Path, help="fields.parquet, for a task that needs it")
    parser.add_argument("--phenotypes", type=Path, help="phenotypes.parquet, for a task that needs it")
    parser.add_argument("--labels", type=Path, help="labels of the task's disease, for a task of one")
    parser.add_argument("--init", type=Path, help="folder of Stage I or II, or of imported weights")
    parser.add_argument("--output", type=Path, required=True, help="the model's folder")
    parser.add_argument("--predictions", type=Path, required=True, help="output: predictions, parquet")
    parser.add_argument("--masks", type=Path, help="output: masks of the test split, npz (segmentation)")
    parser.add_argument("--few-labels", action="store_true", help="train nothing if there is less than a batch")
    cli.add_settings(parser, "seed and the blocks model, training, stage")
    args = parser.parse_args(arguments)
    segmenting = args.task == "segmentation"
    if segmenting and (args.masks is None or args.model == "resnet50"):
        raise UserError("segmentation needs --masks, and a model with an image encoder; resnet50 has none")
    from vita.training.finetune import Job, train_predictor, train_segmenter  # start-up

    job = Job(**({"system": args.model} | {key: value for key, value in vars(args).items() if key != "model"}))
    if segmenting:
        train_segmenter(job)
    else:
        train_predictor(job)


if __name__ == "__main__":
    cli.run(main)

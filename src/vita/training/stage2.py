"""Stage II: align images with the table's features, starting from Stage I's image encoder.

Writes model.safetensors (best on validation), config.json and history.csv into the output folder; resumable state lies
in its checkpoints/. Run again after an interruption, it goes on.
"""

from argparse import Namespace
from pathlib import Path

from vita.runtime import cli


def main(arguments: list[str] | None = None) -> None:
    """Command line; see the module's docstring."""
    parser = cli.parser(__doc__)
    cli.add_samples(parser)
    parser.add_argument("--encoded", type=Path, required=True, help="encoded.parquet")
    parser.add_argument("--encoder", type=Path, required=True, help="encoder.json")
    parser.add_argument("--init", type=Path, help="folder of Stage I, or of imported weights")
    parser.add_argument("--output", type=Path, required=True, help="the model's folder")
    cli.add_settings(parser, "seed and the blocks model, training, stage")
    train(parser.parse_args(arguments))


def train(args: Namespace) -> None:
    """Train and write."""
    from vita.models.alignment import Alignment
    from vita.tabular.encoder import load_encoder
    from vita.training.alignment import AlignmentLearner, add_table
    from vita.training.loop import fit
    from vita.training.session import file_digest, open_session

    session = open_session("stage2", args.shards, args.split, args.settings)
    encoder = load_encoder(args.encoder)
    train, validate = session.samples(["train"]), session.samples(["val"])
    for samples in (train, validate):
        add_table(samples, args.encoded, encoder)
    model = Alignment(session.model, encoder.count("numerical"), encoder.count("binary"), encoder.categories)
    digests = {"encoder": file_digest(args.encoder), "encoded": file_digest(args.encoded)}
    scale = 1.0
    if args.init:
        digests["init"] = session.start_encoder(model.image_encoder, args.init)
        scale = session.settings.stage.encoder_lr_scale
    learner = AlignmentLearner(model, session.settings, scale)
    fitted = fit(learner, train, validate, args.output, session.identity(train, validate, **digests))
    session.write(args.output, learner, fitted, features=[feature.name for feature in encoder.features])


if __name__ == "__main__":
    cli.run(main)

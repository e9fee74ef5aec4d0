"""Stage I: learn to reconstruct masked patches of the whole heart's cine planes.

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
    parser.add_argument("--init", type=Path, help="folder of weights to start from")
    parser.add_argument("--output", type=Path, required=True, help="the model's folder")
    cli.add_settings(parser, "seed and the blocks model, training, stage")
    train(parser.parse_args(arguments))


def train(args: Namespace) -> None:
    """Train and write."""
    from vita.models.mae import MaskedAutoencoder
    from vita.training.loop import fit
    from vita.training.reconstruction import ReconstructionLearner
    from vita.training.session import open_session

    session = open_session("stage1", args.shards, args.split, args.settings)
    train, validate = session.samples(["train"]), session.samples(["val"])
    model = MaskedAutoencoder(session.model, session.settings.stage.loss or "masked")
    digests = {}
    if args.init:
        digests["init"] = session.start_encoder(model.encoder, args.init)
    learner = ReconstructionLearner(model, session.settings)
    fitted = fit(learner, train, validate, args.output, session.identity(train, validate, **digests))
    session.write(args.output, learner, fitted)


if __name__ == "__main__":
    cli.run(main)

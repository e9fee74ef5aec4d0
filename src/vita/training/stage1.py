"""Stage I: learn to reconstruct masked patches of the whole heart's cine planes.

Writes model.safetensors (best on validation), config.json and history.csv into the output folder; resumable state is in
its checkpoints/. After an interruption, the same command resumes.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

from vita.runtime import cli


def main(arguments: list[str] | None = None) -> None:
    """Command line; see the module's docstring."""
    parser = cli.parser(__doc__)
    cli.add_samples(parser)
    parser.add_argument("--init", type=Path, help="folder of weights to start from")
    parser.add_argument("--output", type=Path, required=True, help="the model's folder")
    cli.add_settings(parser, "seed and the blocks model, training, stage")
    args = parser.parse_args(arguments)
    train(args.shards, args.split, args.settings, args.output, args.init)


def train(
    shards: Sequence[Path], split: Path, settings: Mapping[str, object], output: Path, init: Path | None = None
) -> None:
    """Train, resume, or reuse a finished training, and write the model's folder.

    Args:
        shards: NNNNN.npz files, a table beside each.
        split: split.parquet.
        settings: the seed and the blocks model, training and stage, as in config.yaml.
        output: the model's folder.
        init: folder of weights to start from: those of the image encoder and, if the folder has one that fits, of the
            decoder.

    Raises:
        UserError: settings, files or weights cannot be used.
    """
    from vita.models.mae import MaskedAutoencoder
    from vita.training.loop import fit
    from vita.training.reconstruction import ReconstructionLearner
    from vita.training.session import open_session

    session = open_session("stage1", shards, split, settings)
    train, validate = session.samples(["train"]), session.samples(["val"])
    model = MaskedAutoencoder(session.model, "all" if session.settings.stage.loss == "all" else "masked")
    digests, started = {}, {}
    if init:
        digests["init"] = session.start_encoder(model.encoder, init)
        started["started"] = ["image_encoder", *session.start_rest({"decoder": model.decoder}, init)]
    learner = ReconstructionLearner(model, session.settings)
    fitted = fit(learner, train, validate, output, session.identity(train, validate, **digests))
    session.write(output, learner, fitted, **started)


if __name__ == "__main__":
    cli.run(main)

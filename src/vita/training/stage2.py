"""Stage II: align images with the table's features, starting from Stage I's image encoder.

Writes model.safetensors (best on validation), config.json and history.csv into the output folder; resumable state is in
its checkpoints/. If it is run again after an interruption, it resumes.
"""

from collections.abc import Mapping, Sequence
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
    args = parser.parse_args(arguments)
    train(args.shards, args.split, args.encoded, args.encoder, args.settings, args.output, args.init)


def train(
    shards: Sequence[Path],
    split: Path,
    encoded: Path,
    encoder: Path,
    settings: Mapping[str, object],
    output: Path,
    init: Path | None = None,
) -> None:
    """Train, resume, or reuse a finished training, and write the model's folder.

    Args:
        shards: NNNNN.npz files, a table beside each.
        split: split.parquet.
        encoded: encoded.parquet, a row per participant.
        encoder: encoder.json, which lists its features.
        settings: the seed and the blocks model, training and stage, as in config.yaml.
        output: the model's folder.
        init: folder of weights to start from: those of the image encoder and, from a Stage II with these features, all
            others.

    Raises:
        UserError: settings, files or weights cannot be used.
    """
    from vita.models.alignment import Alignment
    from vita.tabular.encoder import load_encoder
    from vita.training.alignment import AlignmentLearner, start_table_side
    from vita.training.loop import fit
    from vita.training.session import file_digest, open_session
    from vita.training.table_rows import add_table

    session = open_session("stage2", shards, split, settings)
    features = load_encoder(encoder)
    train, validate = session.samples(["train"]), session.samples(["val"])
    for samples in (train, validate):
        add_table(samples, encoded, features)
    counts = features.count("numerical"), features.count("binary"), features.categories
    stage = session.settings.stage
    model = Alignment(session.model, *counts, projector=stage.projector, class_token=stage.class_token)
    digests = {"encoder": file_digest(encoder), "encoded": file_digest(encoded)}
    names = [feature.name for feature in features.features]
    scale, started = 1.0, {}
    if init:
        digests["init"] = session.start_encoder(model.image_encoder, init)
        scale = stage.encoder_lr_scale
        started["started"] = ["image_encoder", *start_table_side(session, model, init, names)]
    learner = AlignmentLearner(model, session.settings, scale)
    fitted = fit(learner, train, validate, output, session.identity(train, validate, **digests))
    session.write(output, learner, fitted, features=names, **started)


if __name__ == "__main__":
    cli.run(main)

"""Embeddings of all participants: the mean of the image encoder's patch tokens, for each temporal section.

A section consists of as many consecutive frames as the model takes. The starts of ten sections are evenly spaced over
the cycle, and the last frame is followed by the first. Sections of a cycle with few frames overlap.
"""

from collections.abc import Mapping
from pathlib import Path

from vita.runtime import cli


def main(arguments: list[str] | None = None) -> None:
    """Command line; see the module's docstring."""
    parser = cli.parser(__doc__)
    parser.add_argument("--stage-dir", type=Path, required=True, help="folder of a model with an image encoder")
    cli.add_samples(parser)
    parser.add_argument("--output", type=Path, required=True, help="parquet: eid, split, section, vector")
    cli.add_settings(parser, "seed and the blocks model, training, stage of the model")
    args = parser.parse_args(arguments)
    embed(args.stage_dir, args.shards, args.split, args.settings, args.output)


def embed(stage_dir: Path, shards: list[Path], split: Path, settings: Mapping[str, object], output: Path) -> None:
    """Write the embeddings of all participants in the shards.

    Args:
        stage_dir: folder of a model with an image encoder.
        shards: voxels of all shards.
        split: split.parquet.
        settings: `seed` and the blocks `model`, `training`, `stage` of the model.
        output: parquet to write: `eid`, `split`, `section`, `vector`.
    """
    # imported late, so that --help does not wait for PyTorch
    import pandas as pd

    from vita.evaluation.inference import encode_sections
    from vita.models.image_encoder import ImageEncoder
    from vita.runtime.atomic import replacing
    from vita.training.session import open_session

    session = open_session("stage2", shards, split, settings)
    encoder = ImageEncoder(session.model)
    session.start_encoder(encoder, stage_dir)
    samples = session.samples(["train", "val", "test"], "predict", cached=False)
    vectors = encode_sections(encoder.to(session.device), samples, session.settings.stage.batch)
    sections = vectors.shape[1]
    table = pd.DataFrame(
        {
            "eid": samples.eids.repeat(sections),
            "split": samples.split.to_numpy().repeat(sections),
            "section": list(range(sections)) * len(samples),
            "vector": list(vectors.reshape(-1, vectors.shape[2])),
        }
    )
    with replacing(output) as path:
        table.to_parquet(path, index=False)


if __name__ == "__main__":
    cli.run(main)

"""Reconstructions by a Stage I model: PSNR on the validation and test splits, and examples to look at.

PSNR in dB (intensities in [0, 1]) over the masked patches and over all patches. Masks are drawn from the seed and are
the same for all models with the same patch grid and masking ratio. Examples show the first participants of the test
split (of the validation split if that is empty), without their ids; visible patches are copied from the input.
"""

from collections.abc import Mapping
from pathlib import Path

from vita.runtime import cli

EXAMPLES = 4


def main(arguments: list[str] | None = None) -> None:
    """Command line; see the module's docstring."""
    parser = cli.parser(__doc__)
    parser.add_argument("--model-dir", type=Path, required=True, help="folder of a Stage I model")
    cli.add_samples(parser)
    parser.add_argument("--output", type=Path, required=True, help="parquet: eid, split, target, prediction")
    parser.add_argument("--examples", type=Path, required=True, help="npz: input, masked, reconstruction")
    cli.add_settings(parser, "seed and the blocks model, training, stage of the model")
    args = parser.parse_args(arguments)
    reconstruct(args.model_dir, args.shards, args.split, args.settings, args.output, args.examples)


def reconstruct(
    model_dir: Path, shards: list[Path], split: Path, settings: Mapping[str, object], output: Path, examples: Path
) -> None:
    """Write PSNR and examples of a Stage I model.

    Args:
        model_dir: folder of the model.
        shards: voxels of all shards.
        split: split.parquet.
        settings: `seed` and the blocks `model`, `training`, `stage` of the model.
        output: parquet to write: `eid`, `split`, `target`, `prediction`.
        examples: npz to write: `input`, `masked`, `reconstruction`.
    """
    # imported late, so that --help does not wait for PyTorch
    import numpy as np
    import pandas as pd

    from vita.evaluation.inference import example_images, psnr_table
    from vita.models.mae import MaskedAutoencoder
    from vita.models.weights import load_part
    from vita.runtime.atomic import replacing
    from vita.training.session import open_session

    session = open_session("stage1", shards, split, settings)
    model = MaskedAutoencoder(session.model)
    session.start_encoder(model.encoder, model_dir)
    load_part(model.decoder, model_dir, "decoder", session.model)
    model.to(session.device).eval()
    present = [name for name in ("val", "test") if (session.split == name).any()]
    table = pd.concat([psnr_table(model, session.samples([name], "predict"), session.settings) for name in present])
    with replacing(output) as path:
        table.to_parquet(path, index=False)
    shown = example_images(model, session.samples(present[-1:], "predict"), session.settings, EXAMPLES)
    with replacing(examples) as path:
        np.savez_compressed(path, allow_pickle=False, **shown)


if __name__ == "__main__":
    cli.run(main)

"""nnU-Net's masks, weights and records in the form of every other system.

    python -m vita.nnunet.collect --folder results/nnunet --views sa la_2ch la_4ch
        --shards results/images/shards/00000.npz ... --split results/cohort/split.parquet
        --environment results/nnunet/environment.json
        --settings '{"seed": 2026, "model": {"frames": 5, "sampling": "cycle"}, "nnunet": {...}}'
        --output results/models/segmentation/nnunet
        --predictions results/predictions/segmentation/nnunet.parquet
        --masks results/predictions/segmentation/nnunet.npz

Reads <folder>/<view>/cases.parquet, masks and model. Masks are those of the test split; the table holds areas of the
validation split too. Planes of views that nnU-Net was not trained on, or that a participant does not have, are
background. The three networks are in one model.safetensors under the names of their views; losses in the history are
means over views.
"""

from pathlib import Path

from vita.config.blocks import needed
from vita.nnunet.layout import VIEWS
from vita.runtime import cli


def main(arguments: list[str] | None = None) -> None:
    """Command line; see the module's docstring."""
    parser = cli.parser(__doc__)
    parser.add_argument("--folder", type=Path, required=True, help="folder that holds a folder for each view")
    parser.add_argument(
        "--views", nargs="+", required=True, choices=list(VIEWS), help="views on which nnU-Net was trained"
    )
    parser.add_argument("--shards", type=Path, nargs="+", required=True, help="NNNNN.npz, a table beside each")
    parser.add_argument("--split", type=Path, required=True, help="split.parquet")
    parser.add_argument("--environment", type=Path, required=True, help="versions of nnU-Net's environment, JSON")
    parser.add_argument("--output", type=Path, required=True, help="the model's folder")
    parser.add_argument("--predictions", type=Path, required=True, help="output: areas, parquet")
    parser.add_argument("--masks", type=Path, required=True, help="output: masks of the test split, npz")
    cli.add_settings(parser, "seed and the blocks model and nnunet")
    args = parser.parse_args(arguments)
    import numpy as np
    import pandas as pd

    from vita.cohort.split_table import read_split
    from vita.images.shards import ShardReader
    from vita.nnunet.results import Wanted, masks_of, write_model
    from vita.runtime.atomic import replacing
    from vita.training.sections import even_frames
    from vita.training.segmentation import area_table

    reader, split = ShardReader(args.shards), read_split(args.split)
    wanted: Wanted = {
        "frames": needed(args.settings, "model.frames"),
        "sampling": needed(args.settings, "model.sampling"),
    }
    tables = []
    for name in ("val", "test"):
        eids = split.index[split == name].to_numpy(np.int64)
        masks = masks_of(reader, eids, wanted, args.folder, args.views)
        tables.append(area_table(masks, split, even_frames(reader.stored(int(eids[0])).shape[1], **wanted)))
    with replacing(args.predictions) as path:
        pd.concat(tables, ignore_index=True).to_parquet(path, index=False)
    with replacing(args.masks) as path:
        np.savez_compressed(path, allow_pickle=False, **masks)
    models = {view: args.folder / view / "model" for view in args.views}
    write_model(args.output, models, split, args.settings, args.environment)


if __name__ == "__main__":
    cli.run(main)

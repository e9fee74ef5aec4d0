"""One view's images and reference masks as a data set of nnU-Net.

    python -m vita.nnunet.export --view sa --shards results/images/shards/00000.npz ...
        --split results/cohort/split.parquet --settings '{"seed": 2026, "model": {"frames": 5, "sampling": "cycle"}}'
        --output results/nnunet/sa/raw --cases results/nnunet/sa/cases.parquet

Crops and frames are the same as for the other systems. In the data set, imagesTr and labelsTr hold the training and
validation splits, imagesTs the validation and test splits, without masks; splits_final.json makes the validation split
that of nnU-Net's only fold, so that nnU-Net neither learns nor plans from the test split. Slices without annotation are
left out of imagesTr; pixels without annotation get nnU-Net's ignore label. Files are named by shuffled numbers; only
--cases (eid, split, case, annotated) maps them to participants.
"""

from pathlib import Path

from vita.config.blocks import needed
from vita.nnunet.layout import DATASET, VIEWS, number_cases
from vita.runtime import cli
from vita.runtime.errors import UserError


def main(arguments: list[str] | None = None) -> None:
    """Command line; see the module's docstring."""
    parser = cli.parser(__doc__)
    parser.add_argument("--view", required=True, choices=list(VIEWS), help="view")
    parser.add_argument("--shards", type=Path, nargs="+", required=True, help="NNNNN.npz, a table beside each")
    parser.add_argument("--split", type=Path, required=True, help="split.parquet")
    parser.add_argument("--output", type=Path, required=True, help="folder of nnU-Net's raw data")
    parser.add_argument("--cases", type=Path, required=True, help="output: the case of each participant, parquet")
    cli.add_settings(parser, "seed and the block model")
    args = parser.parse_args(arguments)
    from vita.cohort.split_table import read_split
    from vita.images.shards import ShardReader
    from vita.nnunet.cases import Exporter, describe
    from vita.runtime.atomic import replacing

    reader, split = ShardReader(args.shards), read_split(args.split)
    if missing := sum(int(eid) not in reader for eid in split.index):
        raise UserError(f"{missing} participants of the split have no images in the shards; make the split again")
    folder = args.output / DATASET
    exporter = Exporter(args.view, reader, args.settings["model"], folder)
    cases = number_cases(split, needed(args.settings, "seed"))
    cases["annotated"] = [exporter.write(row.eid, row.split, row.case) for row in cases.itertuples()]
    describe(args.view, folder, exporter.ignoring, cases)
    with replacing(args.cases) as path:
        cases.to_parquet(path, index=False)


if __name__ == "__main__":
    cli.run(main)

"""One view's images and reference masks as a data set of nnU-Net.

    python -m vita.nnunet.export --view sa --shards results/images/shards/00000.npz ...
        --split results/cohort/split.parquet --settings '{"seed": 2026, "model": {"frames": 5}}'
        --output results/nnunet/sa/raw --cases results/nnunet/sa/cases.parquet

Crops and frames are those that the other systems see. In the data set, imagesTr and labelsTr hold the training and
validation splits, imagesTs the validation and test splits, without masks; splits_final.json makes the validation split
nnU-Net's one fold, so that the test split enters nothing that nnU-Net learns or plans from. Of imagesTr, slices without
annotation are left out; pixels without annotation get nnU-Net's ignore label. Files are named by shuffled numbers; who
is who stands in --cases (eid, split, case) alone.
"""

import json
from pathlib import Path

import numpy as np
import pandas as pd

from vita import cli
from vita.atomic import replacing, write_text
from vita.errors import UserError
from vita.images.layout import BACKGROUND, NOT_ANNOTATED
from vita.images.shards import ShardReader
from vita.nnunet.layout import CHANNEL, FILE_ENDING, VIEWS, dataset_name, number_cases
from vita.nnunet.volumes import write_stack
from vita.training.data import even_frames, read_split


class Exporter:
    """Writes a view's cases.

    Args:
        view: name of the view.
        reader: shards.
        wanted: frames evenly from the cycle.
        folder: of nnU-Net's data set.
    """

    def __init__(self, view: str, reader: ShardReader, wanted: int, folder: Path) -> None:
        self.view, self.reader, self.wanted, self.folder = VIEWS[view], reader, wanted, folder
        self.ignoring = False
        for name in ("imagesTr", "labelsTr", "imagesTs"):
            (folder / name).mkdir(parents=True, exist_ok=True)

    def write(self, eid: int, split: str, case: str) -> bool:
        """Write a participant's files; says whether there is something to learn from.

        Raises:
            UserError: the shards hold fewer frames than wanted.
        """
        spacing_mm = self.reader.spacing_mm(eid)[list(self.view.planes)]
        if not (spacing_mm > 0).all():
            return False  # the view was not scanned
        stored = self.reader.stored(eid)
        frames = even_frames(stored.shape[1], self.wanted)
        images = self._stack(stored[:, frames])
        if split != "train":
            write_stack(self.folder / "imagesTs" / f"{case}{CHANNEL}{FILE_ENDING}", images, spacing_mm[0])
        return split != "test" and self._write_pair(case, images, self.reader.masks(eid, frames), spacing_mm[0])

    def _write_pair(self, case: str, images: np.ndarray, masks: np.ndarray, spacing_mm: np.ndarray) -> bool:
        classes = self._stack(masks)
        # without known background a frame is not, or only in part, annotated
        known = (classes == BACKGROUND).any(axis=(1, 2))
        if not known.any():
            return False
        images, classes = images[known], classes[known]
        self.ignoring |= bool((classes == NOT_ANNOTATED).any())
        write_stack(self.folder / "imagesTr" / f"{case}{CHANNEL}{FILE_ENDING}", images, spacing_mm)
        write_stack(self.folder / "labelsTr" / f"{case}{FILE_ENDING}", self.view.to_labels(classes), spacing_mm)
        return True

    def _stack(self, sthw: np.ndarray) -> np.ndarray:
        planes = sthw[list(self.view.planes)]
        return planes.reshape(-1, *planes.shape[2:])


def describe(folder: Path, exporter: Exporter, cases: pd.DataFrame) -> None:
    """Write dataset.json and splits_final.json for the cases that have masks.

    Raises:
        UserError: nobody of the training or of the validation split has masks of the view.
    """
    names = {split: sorted(part["case"]) for split, part in cases[cases["annotated"]].groupby("split")}
    for split in ("train", "val"):
        if not names.get(split):
            view = folder.name.partition("_")[2]
            raise UserError(
                f"nnU-Net: nobody in the {split} split has reference masks of the view {view}; take the view out of "
                "'nnunet.views', or enlarge the split"
            )
    labels = {"background": BACKGROUND} | exporter.view.labels()
    record = {
        "channel_names": {"0": "cine"},
        "labels": labels | ({"ignore": exporter.view.ignore} if exporter.ignoring else {}),
        "numTraining": sum(map(len, names.values())),
        "file_ending": FILE_ENDING,
        "overwrite_image_reader_writer": "SimpleITKIO",
    }
    write_text(folder / "dataset.json", json.dumps(record, indent=2) + "\n")
    write_text(folder / "splits_final.json", json.dumps([names], indent=2) + "\n")


def main(arguments: list[str] | None = None) -> None:
    """Command line; see the module's docstring."""
    parser = cli.parser(__doc__)
    parser.add_argument("--view", required=True, choices=list(VIEWS), help="view")
    parser.add_argument("--shards", type=Path, nargs="+", required=True, help="NNNNN.npz, a table beside each")
    parser.add_argument("--split", type=Path, required=True, help="split.parquet")
    parser.add_argument("--output", type=Path, required=True, help="folder of nnU-Net's raw data")
    parser.add_argument("--cases", type=Path, required=True, help="output: who is which case, parquet")
    cli.add_settings(parser, "seed and the block model")
    args = parser.parse_args(arguments)
    reader, split = ShardReader(args.shards), read_split(args.split)
    if missing := sum(int(eid) not in reader for eid in split.index):
        raise UserError(f"{missing} participants of the split have no images in the shards; make the split again")
    folder = args.output / dataset_name(args.view)
    exporter = Exporter(args.view, reader, args.settings["model"]["frames"], folder)
    cases = number_cases(split, args.settings.get("seed", 0))
    cases["annotated"] = [exporter.write(row.eid, row.split, row.case) for row in cases.itertuples()]
    describe(folder, exporter, cases)
    with replacing(args.cases) as path:
        cases.to_parquet(path, index=False)


if __name__ == "__main__":
    cli.run(main)

"""Synthetic cine scans of one batch of participants, with masks, and their true phenotypes.

Writes <scans>/<eid>/sa.nii.gz, la_2ch.nii.gz, la_3ch.nii.gz, la_4ch.nii.gz and the masks seg_sa, seg_la_2ch, seg_la_4ch
and seg4_la_4ch; the unlabelled have no masks. A participant's files depend on the seed and on the participant alone,
not on the batches.
"""

import logging
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from isal import igzip

from vita.phantom.acquisition import Plane, Pose, plan
from vita.phantom.chest import MUSCLE, Chest, pericardium
from vita.phantom.hearts import Heart
from vita.phantom.receiver import BLOOD_SD, GAIN_SD, Receiver, drift
from vita.phantom.settings import PhantomSettings
from vita.phantom.surroundings import Pattern, Surroundings
from vita.phantom.tissue import LABP, PAPILLARIES, RABP, Papillary, Points, Signals, paint, points, share
from vita.runtime import cli
from vita.runtime.atomic import replacing
from vita.runtime.errors import UserError

log = logging.getLogger(__name__)
SCAN_STREAM = 7  # apart from the streams of people.py
BLOOD = 130.0
CONTRAST_SD = 0.12  # log of a tissue's signal, from view to view: shimming, flip angle
SLICE_CONTRAST_SD = 0.08  # log of the blood's signal, from slice to slice: flow
STRANDS_MM, AROUND_MM, WAVES = (8.0, 20.0), 22.0, 10  # of trabeculae: their lengths, and the radius of a ventricle
THIRD_PAPILLARY, SMALL_PAPILLARY = 0.3, Papillary(0.1, 0.68, 0.08, 0.3)  # share of hearts with a third one, and this
# Classes of the geometry (0 to 5) to the labels of each mask file.
MASKS = {
    "sa": {"seg_sa": [0, 1, 2, 3, 0, 0]},
    "la_2ch": {"seg_la_2ch": [0, 0, 0, 0, 1, 0]},
    "la_3ch": {},
    "la_4ch": {"seg_la_4ch": [0, 0, 0, 0, 1, 2], "seg4_la_4ch": [0, 1, 2, 3, LABP, RABP]},
}
CUT_SHORT = 0.6  # share of the bytes that a broken scan keeps
GZIP_LEVEL = 2


class Scanner:
    """One participant in the scanner: heart, pose, chest, coils and planes, all from the participant's own seed."""

    def __init__(self, person: dict[str, float], settings: PhantomSettings) -> None:
        self.rng = np.random.default_rng([settings.seed, SCAN_STREAM, int(person["eid"])])
        self.heart = Heart.of(person, self.rng)
        self.pose = Pose.draw(self.rng)
        self.chest = Chest.of(person, BLOOD, self.rng)
        self.planes = plan(self.heart, self.pose, settings, self.rng)
        self.frames = settings.frames
        self.shape = self.heart.shape(self.heart.cycle.times(settings.frames))
        self.extremes = self.heart.shape(np.array([0, self.heart.cycle.end_systole]))
        self.surroundings = Surroundings.draw(self.rng)
        self.papillaries = _draw_papillaries(self.rng)
        self.strands = Pattern.draw(*STRANDS_MM, WAVES, self.rng)

    def acquire(self, view: str) -> tuple[np.ndarray, np.ndarray]:
        """Image int16 and classes uint8 of a view, both (time, slice, row, column)."""
        plane, receiver = self.planes[view], Receiver.draw(self.rng)
        blood, muscle = (value * np.exp(self.rng.normal(0, CONTRAST_SD)) for value in (BLOOD, MUSCLE))
        from_heart = plane.points() - self.pose.origin.astype(np.float32)
        still, inside, at = self._still(plane, from_heart)
        slices = plane.shape[0]
        flow, gain = (drift(self.frames, slices, spread, self.rng) for spread in (BLOOD_SD, GAIN_SD))
        flow *= np.exp(self.rng.normal(0, SLICE_CONTRAST_SD, slices))
        slice_of_point = np.nonzero(inside)[0]
        sensitivity = receiver.sensitivity(from_heart, self.chest.depth_mm(from_heart))
        around = still[inside]
        image = np.empty((self.frames, *plane.shape), np.int16)
        classes = np.zeros((self.frames, *plane.shape), np.uint8)
        for frame in range(self.frames):
            signals = Signals((blood * flow[frame])[slice_of_point].astype(np.float32), float(muscle))
            still[inside], classes[frame][inside] = paint(at, self.shape, frame, signals, around, self.heart.aorta)
            image[frame] = receiver.receive(
                still * sensitivity * gain[frame].astype(np.float32)[:, None, None], self.rng
            )
        return image, classes

    def _still(self, plane: Plane, from_heart: np.ndarray) -> tuple[np.ndarray, np.ndarray, Points]:
        """The chest's signal (slice, row, column), where the heart may be (bool), and the points there.

        `from_heart` are the plane's points (slice, row, column, 3) in mm relative to the heart.
        """
        in_chest = self.chest.inside(from_heart, plane.pixel)
        still = self.chest.signal(from_heart, plane.pixel, self.surroundings.vessels(from_heart), in_chest)
        still *= self.surroundings.unevenness(from_heart)
        xyz = from_heart @ self.pose.axes.T.astype(np.float32)
        bag = pericardium(xyz, self.heart, self.extremes)
        fat = self.surroundings.heart_fat(from_heart, self.chest.lung, self.chest.heart_fat_signal)
        covered = share(bag - self.chest.heart_fat, plane.pixel) * in_chest
        still += (fat - still) * covered
        inside = bag < self.chest.heart_fat + 2 * plane.pixel
        along = abs(float(plane.across @ self.pose.axes[2]))
        at = points(xyz[inside], self.heart, plane.pixel, plane.thickness * along)
        return still, inside, replace(at, papillaries=self.papillaries, trabeculae=self._trabeculae(at))

    def _trabeculae(self, at: Points) -> np.ndarray:
        """(n,) the trabeculae of each point, which follow the wall: along its height and around the long axis."""
        around = np.stack([at.x / (at.r + 1), at.y / (at.r + 1)], axis=-1) * np.float32(AROUND_MM)
        strands = self.strands.at(np.concatenate([around, at.z[..., None] * np.float32(0.5)], axis=-1))
        filled: np.ndarray = np.clip(np.float32(0.4) + np.float32(0.5) * strands, 0, 1)
        return filled


def _draw_papillaries(rng: np.random.Generator) -> tuple[Papillary, ...]:
    """Two or three muscles; where they insert, how high and how thick differs between hearts."""
    spread = rng.normal(0, [0.2, 0.05, 0.03, 0.08], (3, 4))
    count = 3 if rng.random() < THIRD_PAPILLARY else 2
    middles = np.array([*PAPILLARIES, SMALL_PAPILLARY])
    return tuple(Papillary(*map(float, muscle)) for muscle in (middles + spread)[:count])


def make_scan(person: dict[str, float], settings: PhantomSettings) -> tuple[dict[str, bytes], dict[str, float]]:
    """All files of a participant by name, and the true phenotypes.

    Args:
        person: a row of people.parquet.
        settings: sizes and seed.
    """
    scanner = Scanner(person, settings)
    frame_s = scanner.heart.cycle.period / settings.frames
    files = {}
    for view, plane in scanner.planes.items():
        image, classes = scanner.acquire(view)
        files[view] = encode_nifti(image, plane, frame_s)
        for name, labels in MASKS[view].items() if person["labelled"] else ():
            files[name] = encode_nifti(np.array(labels, np.uint8)[classes], plane, frame_s)
    if person["broken"]:
        files["sa"] = files["sa"][: int(CUT_SHORT * len(files["sa"]))]
    return files, scanner.heart.phenotypes()


def make_batch(people: pd.DataFrame, settings: PhantomSettings, folder: Path) -> pd.DataFrame:
    """Write the scans of these people; returns `eid` and their true phenotypes."""
    truths = []
    for count, person in enumerate(people.to_dict("records"), 1):
        files, truth = make_scan(person, settings)
        for name, data in files.items():
            write_file(folder / str(person["eid"]) / f"{name}.nii.gz", data)
        truths.append({"eid": person["eid"], **truth})
        if count % 50 == 0 or count == len(people):
            log.info("%d of %d participants scanned", count, len(people))
    names = list(truths[0]) if truths else ["eid"]
    return pd.DataFrame(truths, columns=names).astype({"eid": "int64"})


def main(arguments: list[str] | None = None) -> None:
    """Command line; see the module's docstring."""
    parser = cli.parser(__doc__)
    parser.add_argument("--people", type=Path, required=True, help="people.parquet")
    parser.add_argument("--batch", type=int, required=True, help="number of this batch, from 0")
    parser.add_argument("--batches", type=int, required=True, help="how many batches there are")
    parser.add_argument("--scans", type=Path, required=True, help="folder to write a folder per participant into")
    parser.add_argument("--truth", type=Path, required=True, help="Parquet of the true phenotypes")
    cli.add_settings(parser, "seed and block phantom")
    args = parser.parse_args(arguments)
    if not 0 <= args.batch < args.batches:
        raise UserError(f"--batch is {args.batch}; with --batches {args.batches} it goes from 0 to {args.batches - 1}")
    people = pd.read_parquet(args.people).iloc[args.batch :: args.batches]
    truth = make_batch(people, PhantomSettings.from_dict(args.settings), args.scans)
    with replacing(args.truth) as output:
        truth.to_parquet(output, index=False)


def encode_nifti(array_tsrc: np.ndarray, plane: Plane, frame_s: float) -> bytes:
    """A gzipped NIfTI file.

    Args:
        array_tsrc: (time, slice, row, column) voxels; NIfTI's order is the reverse, so the bytes stay as they are.
        plane: where the voxels lie.
        frame_s: duration of a frame in s.
    """
    import nibabel  # start-up

    header: Any = nibabel.Nifti1Header()  # type: ignore[no-untyped-call]  # nibabel leaves its headers unannotated
    header.set_data_dtype(array_tsrc.dtype)
    header.set_data_shape(array_tsrc.shape[::-1])
    header.set_zooms((plane.pixel, plane.pixel, plane.spacing, frame_s))
    header.set_xyzt_units("mm", "sec")
    header.set_qform(plane.affine, code="scanner")
    header.set_sform(plane.affine, code="scanner")
    header["magic"] = b"n+1"
    header["vox_offset"] = 352
    data = header.binaryblock + bytes(4) + np.ascontiguousarray(array_tsrc).tobytes()
    return igzip.compress(data, compresslevel=GZIP_LEVEL, mtime=0)


def write_file(path: Path, data: bytes) -> None:
    """Write a file as a whole."""
    with replacing(path) as part:
        part.write_bytes(data)


if __name__ == "__main__":
    cli.run(main)

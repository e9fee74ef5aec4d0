"""New scans: `vita predict --model results/models --scan DIR_OR_ZIP --out DIR`.

Takes a participant's folder (sa.nii.gz, la_2ch.nii.gz, la_3ch.nii.gz, la_4ch.nii.gz), a folder of such folders, UK
Biobank's cine zips, a zip of such NIfTI files, or a folder or zip of DICOM files of any origin, whose views are told by
their planes, or named by --series. Needs no segmentation and no table. Writes, in a numbered folder per participant,

    predictions.csv   phenotypes, physiological features and other targets with units, the error and the 90 % interval
                      of the training run, and why a number is doubtful; disease probabilities, calibrated, with the
                      threshold stored at training
    masks/            a NIfTI file per view, on the scan's own pixels, slices and frames (1 LV cavity, 2 LV
                      myocardium, 3 RV cavity, 4 left atrium, 5 right atrium), by the run's own segmenter or, where
                      it trained none, by the network that comes with the package; with --seg those of DICOM also as
                      DICOM SEG, whose frames refer to the scan's
    curves.csv        volumes over the cycle, measured on the masks
    embedding.csv     the image encoder's vector
    report.html       key frames, masks, curves and tables on one page

and scans.csv, which says which folder is whose, why a scan was refused, and why it is doubtful. Only scans.csv names
the scans' folders, and only DICOM SEG files name the patient, as the scan does: they are for the archive that it is
from. A number is in doubt if its scan is not like those of the training, if masks and prediction disagree, if the masks
cannot be true of a heart, or if it is outside the training's range; with --strict it is withheld.

Research software, not a medical device: not for diagnosis or treatment.
"""

import importlib
import logging
import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict

from vita.runtime import cli
from vita.runtime.errors import UserError

if TYPE_CHECKING:
    import numpy as np
    import torch

    from vita.apply.models import Trained
    from vita.apply.reading import Scan
    from vita.apply.records import Decisions, Prediction
    from vita.apply.segmenting import ViewMask
    from vita.contouring.network import Contours
    from vita.images.folders import Found
    from vita.images.settings import ImageSettings
    from vita.models.segmenter import Segmenter
    from vita.models.settings import ModelSettings
    from vita.training.sections import SectionChoice
    from vita.training.settings import Device

log = logging.getLogger(__name__)

LIST = "scans.csv"
_CHUNK = 64  # scans in memory at once


class ScanRow(TypedDict):
    """A row of scans.csv."""

    scan: str
    folder: str
    refused: str | None
    notes: str | None
    doubts: str | None


@dataclass(frozen=True)
class Job:
    """What is applied to every scan, and where results go.

    Attributes:
        models: folder results/models.
        decisions: its decisions.json.
        out: folder to write.
        device: to compute on.
        strict: withhold what is in doubt.
        seg: write the masks of DICOM as DICOM SEG too.
    """

    models: Path
    decisions: "Decisions"
    out: Path
    device: "torch.device"
    strict: bool
    seg: bool

    @property
    def adapted(self) -> bool:
        """Whether the run's masks are of a network that went on learning on its scans."""
        masks = self.decisions["images"]["masks"]
        return bool(masks.get("source", "files") != "files" and masks.get("adapt", {}).get("steps", 0) > 0)


def main(arguments: list[str] | None = None) -> None:
    """Command line; see the module's docstring."""
    parser = cli.parser(__doc__)
    parser.prog = "vita predict"
    parser.add_argument("--model", type=Path, required=True, help="results/models of a finished run")
    parser.add_argument("--scan", type=Path, nargs="+", required=True, help="folder or zip, see above")
    parser.add_argument("--out", type=Path, required=True, help="folder to write")
    parser.add_argument("--overwrite", action="store_true", help="replace the results of an earlier call in --out")
    parser.add_argument("--strict", action="store_true", help="withhold numbers that are in doubt")
    parser.add_argument("--seg", action="store_true", help="masks of DICOM as DICOM SEG too; they name the patient")
    parser.add_argument("--device", default="auto", choices=["auto", "cpu", "cuda"], help="where to compute")
    parser.add_argument("--instance", type=int, default=2, help="imaging visit of UK Biobank's zips to take")
    parser.add_argument(
        "--series",
        metavar="VIEW=NUMBER,...",
        help="series of DICOM that are not UK Biobank's, where the planes do not identify the views: sa=3,la_4ch=7; "
        "sa=3-14 where each slice has a series; numbers or UIDs",
    )
    args = parser.parse_args(arguments)
    if not 0 <= args.instance <= 9:
        raise UserError(f"--instance {args.instance}: imaging visits of UK Biobank have one digit; write 2 or 3")
    from vita.apply.scans import read_series

    predict(
        args.model,
        args.scan,
        args.out,
        device=args.device,
        instance=args.instance,
        overwrite=args.overwrite,
        strict=args.strict,
        seg=args.seg,
        series=read_series(args.series) if args.series else None,
    )


def predict(
    models: Path,
    scans: Sequence[Path],
    out: Path,
    device: "Device" = "auto",
    instance: int = 2,
    overwrite: bool = False,
    strict: bool = False,
    series: Mapping[str, Sequence[str]] | None = None,
    seg: bool = False,
) -> None:
    """Read, predict and write.

    Args:
        models: results/models of a finished run.
        scans: folders and zips.
        out: folder to write.
        device: auto | cpu | cuda.
        instance: imaging visit of UK Biobank's zips to take.
        overwrite: replace the results of an earlier call.
        strict: withhold numbers that are in doubt.
        series: of DICOM that is not UK Biobank's, numbers or UIDs of the series of a view, by view.
        seg: write the masks of DICOM as DICOM SEG too, which name the patient.

    Raises:
        UserError: the models are not complete, nothing is a scan, `out` holds something, or every scan was refused.
    """
    from vita.apply.decisions import read_decisions

    decisions = read_decisions(models)  # before what takes long to import
    _import()
    import pandas as pd

    from vita.apply.reading import image_settings
    from vita.apply.scans import new_scans
    from vita.runtime.atomic import replacing

    settings = image_settings(decisions)
    job = Job(models, decisions, out, _device(device), strict, seg)
    rows: list[ScanRow] = []
    with new_scans(scans, instance, settings.max_file_mb, series) as found:
        make_empty(out, overwrite)
        for start in range(0, len(found), _CHUNK):
            rows += _chunk(job, settings, found[start : start + _CHUNK], start)
    with replacing(out / LIST) as path:
        pd.DataFrame(rows).to_csv(path, index=False)
    refused = [row for row in rows if row["refused"]]
    if len(refused) == len(rows):
        raise UserError(f"no scan could be used: {refused[0]['refused']} ({out / LIST} lists all)")
    doubtful = sum(bool(row["doubts"]) for row in rows)
    log.info("%d scans, %d refused, %d doubtful; %s", len(rows), len(refused), doubtful, out / LIST)


def _import() -> None:
    """Import what every scan needs, at once, which takes a third less time; nothing if it was imported before."""
    if "vita.apply.models" in sys.modules:
        return
    from vita.runtime.imports import without_collection

    with without_collection():
        for name in (
            "models",
            "doubts",
            "measuring",
            "page",
            "reading",
            "scans",
            "segmenting",
            "typical",
            "upright",
            "ways",
        ):
            importlib.import_module(f"vita.apply.{name}")


def _device(name: "Device") -> "torch.device":
    """The device to compute on.

    Raises:
        UserError: a GPU is asked for, and there is none.
    """
    import torch

    from vita.training.device import chosen_device

    if name == "cuda" and not torch.cuda.is_available():
        raise UserError("--device cuda: there is no GPU that torch can use; write auto or cpu")
    return chosen_device(name, 1)


def make_empty(out: Path, overwrite: bool) -> None:
    """Make the folder, and see that nothing of another call is in it, whose numbered folders would be taken for this
    one's.

    Raises:
        UserError: it cannot be made, holds something and may not be overwritten, or holds files that are no results
            of this command.
    """
    cli.make_folder(out, "--out")
    inside = sorted(out.iterdir())
    if not inside:
        return
    if not overwrite:
        raise UserError(f"--out {out} is not empty; name a new folder, or add --overwrite to replace what is in it")
    own = [path for path in inside if path.name == LIST or (path.is_dir() and path.name.startswith("scan_"))]
    if others := [path.name for path in inside if path not in own]:
        raise UserError(f"--out {out} holds {others[0]}, which this command did not write; name another folder")
    for path in own:
        shutil.rmtree(path) if path.is_dir() else path.unlink()


def _chunk(job: Job, settings: "ImageSettings", found: "Sequence[Found]", start: int) -> list[ScanRow]:
    """Read some scans, run every model over all of them, write; returns their rows of scans.csv."""
    import torch

    from vita.apply.models import embed, embedder, open_model, predict_task
    from vita.training.sections import sections_of

    decisions = job.decisions
    tasks = [task for task in decisions["tasks"] if task != "segmentation"]
    trained = {task: open_model(job.models, task, decisions) for task in decisions["tasks"]}
    embedding = embedder(job.models, decisions)
    sizes = [*(model.sizes for model in trained.values()), *([embedding] if embedding else [])]
    rows, scans = _read(job, settings, found, start, max(each.frames for each in sizes))
    if not scans:
        return rows

    def images(sizes: "ModelSettings", choice: "SectionChoice") -> list[torch.Tensor]:
        """(scans, plane, time, height, width) for each section that a model's answers are averaged over."""
        cines = [scan.cine_sthw for scan in scans.values()]
        chosen = [sections_of(cine.shape[1], sizes.frames, sizes.sampling, choice).in_turn for cine in cines]
        return [
            torch.stack([torch.from_numpy(cine[:, frames]) for cine, frames in zip(cines, section, strict=True)])
            for section in zip(*chosen, strict=True)
        ]

    predicted = {}
    for task in tasks:
        sections = images(trained[task].sizes, trained[task].config["settings"]["stage"]["sections"])
        predicted[task] = list(predict_task(trained[task], sections, job.device))
    vectors = embed(job.models, decisions, images(embedding, "one")[0], job.device) if embedding else None
    segmenter = _segmenter(trained.get("segmentation"), job.device)
    drawer = None if segmenter else _drawer(job)
    doubts = {}
    for place, (name, scan) in enumerate(scans.items()):
        tables = {task: predicted[task][place] for task in tasks}
        doubts[name] = _write(job, name, scan, tables, None if vectors is None else vectors[place], segmenter, drawer)
    for row in rows:
        if row["scan"] in scans:  # notes are added until the last file is written
            row["notes"] = "; ".join(scans[row["scan"]].notes) or None
            row["doubts"] = "; ".join(doubts[row["scan"]]) or None
    return rows


def _read(
    job: Job, settings: "ImageSettings", found: "Sequence[Found]", start: int, frames: int
) -> tuple[list[ScanRow], dict[str, "Scan"]]:
    """Rows of scans.csv, and the scans that can be used, by the names of their folders."""
    from vita.apply.reading import read_scan
    from vita.images.header import ScanError

    rows, scans = [], {}
    for number, each in enumerate(found, start + 1):
        name = f"scan_{number:04d}"
        row: ScanRow = {"scan": name, "folder": each.folder, "refused": None, "notes": None, "doubts": None}
        try:
            scans[name] = read_scan(each, settings, job.decisions["seen"], frames)
        except ScanError as error:
            row["refused"] = str(error)
            log.warning("%s refused: %s", name, error)
        rows.append(row)
    return rows, scans


def _segmenter(trained: "Trained | None", device: "torch.device") -> "Segmenter | None":
    if trained is None:
        return None
    from vita.apply.models import segmenter

    return segmenter(trained).to(device).eval()


def _drawer(job: Job) -> "Contours":
    """The network that draws masks, for models that segment nothing: the run's own, if it went on learning there.

    Raises:
        UserError: the run's own is missing.
    """
    from vita.contouring import delivered
    from vita.contouring.network import load

    if not job.adapted:
        return load().to(job.device)
    path = job.models / delivered.FOLDER / delivered.FILE
    if not path.is_file():
        raise UserError(
            f"{path}: no such file; these models were trained on masks of a network that had gone on learning "
            "(images.masks.adapt); copy that folder beside the models too"
        )
    return load(path).to(job.device)


def _write(
    job: Job,
    name: str,
    scan: "Scan",
    tables: "dict[str, list[Prediction]]",
    vector: "np.ndarray | None",
    segmenter: "Segmenter | None",
    drawer: "Contours | None",
) -> list[str]:
    """Write all files of a scan, and return the reasons to doubt the scan as a whole, or its masks."""
    import pandas as pd

    from vita.apply import doubts
    from vita.apply.measuring import measure_masks
    from vita.apply.page import page
    from vita.apply.segmenting import draw_scan, segment_scan
    from vita.apply.typical import geometry_vector, intensity_vector, unusual
    from vita.apply.upright import turned
    from vita.runtime.atomic import replacing, write_text

    masks: dict[str, ViewMask] = {}
    if segmenter is not None:
        masks = segment_scan(segmenter, scan, job.decisions["tasks"]["segmentation"]["annotated"], job.device)
    elif drawer is not None:
        masks = draw_scan(drawer, scan, job.adapted)
    phases = range(scan.cine_sthw.shape[1] if masks else 0)  # training draws its frames from the whole cycle
    ed = job.decisions["phenotypes"].get("ed", "first")
    curves, measured = measure_masks(masks, scan, ed, phases)
    for row in (row for rows in tables.values() for row in rows if row["target"] in measured):
        row["measured"] = measured[row["target"]]

    vectors = {"intensity": intensity_vector(scan.cine_sthw), "geometry": geometry_vector(scan.record)}
    vectors |= {} if vector is None else {"appearance": vector}
    whole = doubts.of_views(scan.images) + unusual(job.decisions["typical"], vectors)
    whole += turned(job.decisions["typical"].get("upright", {}), scan.cine_sthw, scan.images)
    verdict = doubts.Verdict(whole, doubts.of_masks(curves, measured), bool(job.decisions["typical"]), job.strict)
    for rows in tables.values():
        doubts.mark(rows, verdict)

    if job.strict and (verdict.whole or verdict.of_its_masks):
        masks, curves = {}, curves.iloc[:0]
    folder = job.out / name
    _write_masks(folder / "masks", scan, masks, job.seg)
    flat = [{"task": task, **row} for task, rows in tables.items() for row in rows]
    files: dict[str, pd.DataFrame] = {"predictions.csv": pd.DataFrame(flat).drop(columns=["own_doubt"])}
    if masks:
        files["curves.csv"] = curves
    if vector is not None:
        files["embedding.csv"] = pd.DataFrame({"dimension": range(len(vector)), "value": vector})
    for file, table in files.items():
        with replacing(folder / file) as path:
            table.to_csv(path, index=False, float_format="%.6g")
    title = name.replace("_", " ").capitalize()
    write_text(folder / "report.html", page(title, scan, tables, masks, curves, ed, verdict))
    return verdict.whole + verdict.of_its_masks


def _write_masks(folder: Path, scan: "Scan", masks: "Mapping[str, ViewMask]", seg: bool) -> None:
    from vita.images.header import ScanError
    from vita.images.nifti import write_nifti
    from vita.images.view import as_stored

    for view, mask in masks.items():
        image = scan.images[view]
        header, stored = as_stored(mask.whole(image.header.shape_xyzt[3]), image)
        write_nifti(header, stored, folder / f"{view}.nii.gz")
        if seg and image.header.dicom is None:
            scan.notes.append(f"{view}: no DICOM SEG: the view is no DICOM")
        elif seg and image.header.dicom:
            from vita.apply.dicom_seg import write_segs  # highdicom takes a while to import

            try:
                write_segs(stored, image.header.dicom, view, folder, scan.settings.max_file_mb)
            except ScanError as error:
                scan.notes.append(f"{view}: {error}")


if __name__ == "__main__":
    cli.run(main)

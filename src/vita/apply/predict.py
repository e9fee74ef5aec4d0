"""New scans: `vita predict --model results/models --scan DIR_OR_ZIP --out DIR`.

Takes a participant's folder (sa.nii.gz, la_2ch.nii.gz, la_3ch.nii.gz, la_4ch.nii.gz), a folder of such folders, UK
Biobank's cine zips, or a zip of such NIfTI files. Needs no segmentation and no table. Writes, in a numbered folder per
participant,

    predictions.csv   phenotypes, physiological features and other targets with units; disease probabilities,
                      calibrated, with the threshold stored at training
    masks/            a NIfTI file per view, on the scan's own pixels, slices and frames (1 LV cavity, 2 LV
                      myocardium, 3 RV cavity, 4 left atrium, 5 right atrium)
    curves.csv        volumes over the cycle, measured on the masks
    embedding.csv     the image encoder's vector
    report.html       key frames, masks, curves and tables on one page

and scans.csv, which says which folder is whose, and why a scan was refused. Only scans.csv names the scans' folders.

Research software, not a medical device: not for diagnosis or treatment.
"""

import logging
from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vita.runtime import cli
from vita.runtime.errors import UserError

if TYPE_CHECKING:
    from vita.apply.reading import Scan
    from vita.models.settings import ModelSettings

log = logging.getLogger(__name__)

_CHUNK = 64  # scans in memory at once


def main(arguments: list[str] | None = None) -> None:
    """Command line; see the module's docstring."""
    parser = cli.parser(__doc__)
    parser.prog = "vita predict"
    parser.add_argument("--model", type=Path, required=True, help="results/models of a finished run")
    parser.add_argument("--scan", type=Path, nargs="+", required=True, help="folder or zip, see above")
    parser.add_argument("--out", type=Path, required=True, help="folder to write")
    parser.add_argument("--device", default="auto", choices=["auto", "cpu", "cuda"], help="where to compute")
    parser.add_argument("--instance", type=int, default=2, help="imaging visit of UK Biobank's zips to take")
    predict(parser.parse_args(arguments))


def predict(args: Namespace) -> None:
    """Read, predict and write.

    Raises:
        UserError: the models are not complete, nothing is a scan, or every scan was refused.
    """
    import pandas as pd

    from vita.apply.decisions import read_decisions
    from vita.apply.reading import image_settings
    from vita.apply.scans import new_scans
    from vita.runtime.atomic import replacing

    decisions = read_decisions(args.model)
    settings = image_settings(decisions)
    rows: list[dict[str, Any]] = []
    with new_scans(args.scan, args.instance, settings.max_file_mb) as found:
        for start in range(0, len(found), _CHUNK):
            rows += _chunk(args, decisions, settings, found[start : start + _CHUNK], start)
    with replacing(args.out / "scans.csv") as path:
        pd.DataFrame(rows).to_csv(path, index=False)
    refused = [row for row in rows if row["refused"]]
    if len(refused) == len(rows):
        raise UserError(f"no scan could be used: {refused[0]['refused']} ({args.out / 'scans.csv'} lists all)")
    log.info("%d scans, %d refused; %s", len(rows), len(refused), args.out / "scans.csv")


def _chunk(args: Namespace, decisions: Any, settings: Any, found: list[Any], start: int) -> list[dict[str, Any]]:
    """Read some scans, run every model over all of them, write; returns their rows of scans.csv."""
    import torch

    from vita.apply.models import embed, embedder, open_model, predict_task
    from vita.apply.reading import read_scan
    from vita.images.header import ScanError
    from vita.training.data import even_frames
    from vita.training.device import device_of
    from vita.training.settings import TrainingSettings

    device = device_of(TrainingSettings(device=args.device))
    tasks = [task for task in decisions["tasks"] if task != "segmentation"]
    trained = {task: open_model(args.model, task, decisions) for task in decisions["tasks"]}
    embedding = embedder(args.model, decisions)
    sizes = [*(model.sizes for model in trained.values()), *([embedding] if embedding else [])]
    wanted = max(each.frames for each in sizes)
    rows, scans = [], {}
    for number, each in enumerate(found, start + 1):
        name = f"scan_{number:04d}"
        row = {"scan": name, "folder": each.folder, "refused": None, "notes": None}
        try:
            scans[name] = read_scan(each, settings, decisions["seen"], wanted)
            row["notes"] = "; ".join(scans[name].notes)
        except ScanError as error:
            row["refused"] = str(error)
            log.warning("%s refused: %s", name, error)
        rows.append(row)
    if not scans:
        return rows

    def images(sizes: "ModelSettings") -> torch.Tensor:
        """(scans, plane, time, height, width): the frames that a model takes, evenly from the cycle."""
        cines = [scan.cine_sthw for scan in scans.values()]
        chosen = [even_frames(cine.shape[1], sizes.frames, sizes.sampling) for cine in cines]
        return torch.stack([torch.from_numpy(cine[:, frames]) for cine, frames in zip(cines, chosen, strict=True)])

    predicted = {task: list(predict_task(trained[task], images(trained[task].sizes), device)) for task in tasks}
    vectors = embed(args.model, decisions, embedding, images(embedding), device) if embedding else None
    segmenter = _segmenter(trained.get("segmentation"), device)
    for place, (name, scan) in enumerate(scans.items()):
        tables = {task: predicted[task][place] for task in tasks}
        vector = None if vectors is None else vectors[place]
        _write(args.out / name, scan, tables, vector, segmenter, decisions, device)
    return rows


def _segmenter(trained: Any, device: Any) -> Any:
    if trained is None:
        return None
    from vita.models.image_encoder import ImageEncoder
    from vita.models.segmenter import Segmenter
    from vita.models.weights import load_whole

    model = Segmenter(trained.sizes, ImageEncoder(trained.sizes))
    load_whole(model, trained.folder)
    return model.to(device).eval()


def _write(
    folder: Path, scan: "Scan", tables: dict[str, Any], vector: Any, segmenter: Any, decisions: Any, device: Any
) -> None:
    """All files of a scan."""
    import pandas as pd

    from vita.apply.measuring import measure_masks
    from vita.apply.page import page
    from vita.apply.segmenting import as_stored, segment_scan
    from vita.images.nifti import write_nifti
    from vita.runtime.atomic import replacing, write_text
    from vita.training.data import even_frames

    masks: dict[str, Any] = {}
    if segmenter is not None:
        masks = segment_scan(segmenter, scan, decisions["tasks"]["segmentation"]["annotated"], device)
    for view, mask in masks.items():
        image = scan.images[view]
        header, stored = as_stored(mask.whole(image.header.shape_xyzt[3]), image)
        write_nifti(header, stored, folder / "masks" / f"{view}.nii.gz")
    sizes = segmenter.settings if masks else None
    phases = even_frames(scan.cine_sthw.shape[1], sizes.frames, sizes.sampling) if sizes else []
    curves, measured = measure_masks(masks, scan, decisions["phenotypes"].get("ed", "first"), phases)
    for row in (row for rows in tables.values() for row in rows if row["target"] in measured):
        row["measured"] = measured[row["target"]]
    flat = [{"task": task, **row} for task, rows in tables.items() for row in rows]
    files: dict[str, pd.DataFrame] = {"predictions.csv": pd.DataFrame(flat)}
    if masks:
        files["curves.csv"] = curves
    if vector is not None:
        files["embedding.csv"] = pd.DataFrame({"dimension": range(len(vector)), "value": vector})
    for name, table in files.items():
        with replacing(folder / name) as path:
            table.to_csv(path, index=False, float_format="%.6g")
    title = folder.name.replace("_", " ").capitalize()
    write_text(folder / "report.html", page(title, scan, tables, masks, curves))


if __name__ == "__main__":
    cli.run(main)

"""Public data sets in the layout of `input.scans`: files, views and labels are renamed, nothing is resampled.

    python -m vita.elsewhere.public --layout acdc --source database/training --out acdc
    vita evaluate --models results/models --cohort acdc/cohort.yaml --out evaluated

    acdc        patient001/patient001_4d.nii.gz, patient001_frame01_gt.nii.gz: labels 1 and 3 of masks are swapped
    mms         A0S9V9/A0S9V9_sa.nii.gz, A0S9V9_sa_gt.nii.gz: masks as they are
    kaggle      1/study/sax_5/*.dcm, 2ch_21, 4ch_17, and train.csv (Id, Systole, Diastole): zips, and a table of volumes
    sunnybrook  SC-HF-I-1/**/*.dcm and SC-HF-I-1/contours-manual/IRCCI-expert/*-icontour-manual.txt, or the numbered
                folders of the Cardiac Atlas Project with scd_patientdata.csv: contours become masks

ACDC and M&Ms: Bernard et al., 2018, and Campello et al., 2021; Data Science Bowl 2015; Sunnybrook: Radau et al., 2009.
Writes <out>/scans, for kaggle <out>/table.csv, and <out>/cohort.yaml, which `vita evaluate` takes.
"""

import logging
import re
import shutil
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from vita.runtime import cli
from vita.runtime.errors import UserError

log = logging.getLogger(__name__)
ACDC_CLASSES = {0: 0, 1: 3, 2: 2, 3: 1}  # theirs to ours: 1 RV, 2 myocardium, 3 LV there
KAGGLE_SERIES = {"sax": "CINE_segmented_SAX", "2ch": "CINE_segmented_LAX_2Ch", "4ch": "CINE_segmented_LAX_4Ch"}
KAGGLE_FIELDS = {"Diastole": "24100-2.0", "Systole": "24101-2.0"}  # LVEDV and LVESV, in ml in both
_COHORT: dict[str, Any] = {"images": {"required_views": ["sa"]}, "apply": {"people": "everybody"}}


def main(arguments: list[str] | None = None) -> None:
    """Command line; see the module's docstring."""
    parser = cli.parser(__doc__)
    parser.add_argument("--layout", required=True, choices=list(LAYOUTS), help="data set")
    parser.add_argument("--source", required=True, type=Path, help="folder as it was downloaded, unpacked")
    parser.add_argument("--out", required=True, type=Path, help="folder to write")
    args = parser.parse_args(arguments)
    import yaml

    from vita.runtime.atomic import write_text

    found = LAYOUTS[args.layout](args.source, args.out)
    if not found:
        raise UserError(f"{args.source}: no files in the layout of {args.layout}; see --help for the expected layout")
    cohort = _COHORT | {"input": {"source": "files", "tables": [], "scans": str((args.out / "scans").resolve())}}
    # acquisition protocols differ, and end-diastole is not always the first frame
    cohort |= {"phenotypes": {"ed": "largest"}}
    if (args.out / "table.csv").exists():
        cohort["input"] |= {"tables": [str((args.out / "table.csv").resolve())]}
        cohort |= {"phenotypes": {"source": "fields"}, "cohort": {"missing_fields": "drop"}}
    write_text(args.out / "cohort.yaml", yaml.safe_dump(cohort, sort_keys=False))
    log.info("%d participants; %s", found, args.out / "cohort.yaml")


def acdc(source: Path, out: Path) -> int:
    """Copy cines, and put the masks of single frames into one file per patient, with this project's numbers.

    Returns:
        Participants found.

    Raises:
        UserError: a mask and its cine have different grids, or labels other than 0 to 3 occur.
    """
    import nibabel

    cines = sorted(source.rglob("*_4d.nii*"))
    for path in cines:
        name = path.name.split("_4d")[0]
        folder = _folder(out, name)
        shutil.copyfile(path, folder / f"sa{_suffix(path)}")
        image: Any = nibabel.load(path)
        drawn = sorted(path.parent.glob(f"{name}_frame*_gt.nii*"))
        if not drawn:
            continue
        masks = np.zeros(image.shape, np.uint8)
        for each in drawn:
            frame = int(re.findall(r"_frame(\d+)_gt", each.name)[0]) - 1
            masks[..., frame] = _renamed(np.asarray(nibabel.load(each).dataobj), each, image.shape)  # type: ignore[attr-defined]
        header = image.header.copy()
        header.set_data_dtype(np.uint8)
        header.set_slope_inter(1, 0)
        made = nibabel.Nifti1Image(masks, image.affine, header)  # type: ignore[no-untyped-call]
        _save(made, folder / "seg_sa.nii.gz")
    return len(cines)


def _renamed(labels_xyz: np.ndarray, path: Path, shape: tuple[int, ...]) -> np.ndarray:
    """ACDC's labels as this project's classes."""
    if labels_xyz.shape != shape[:3]:
        raise UserError(f"{path.name}: the mask's shape {labels_xyz.shape} is not that of its cine, {shape[:3]}")
    if unknown := sorted(set(np.unique(labels_xyz)) - set(ACDC_CLASSES)):
        raise UserError(f"{path.name}: label {unknown[0]:g}; ACDC has 1 RV, 2 myocardium and 3 LV")
    classes: np.ndarray = np.vectorize(ACDC_CLASSES.get, otypes=[np.uint8])(labels_xyz.astype(int))
    return classes


def mms(source: Path, out: Path) -> int:
    """Copy cines and masks: the labels of M&Ms are those of this project (1 LV, 2 myocardium, 3 RV)."""
    cines = [path for path in sorted(source.rglob("*_sa.nii*")) if path.name.startswith(path.parent.name)]
    for path in cines:
        folder = _folder(out, path.parent.name)
        shutil.copyfile(path, folder / f"sa{_suffix(path)}")
        for mask in path.parent.glob(f"{path.parent.name}_sa_gt.nii*"):
            shutil.copyfile(mask, folder / f"seg_sa{_suffix(mask)}")
    return len(cines)


def kaggle(source: Path, out: Path) -> int:
    """Pack the series of each study into zips named like UK Biobank's, and the volumes of train.csv into a table.

    Raises:
        UserError: train.csv has other columns.
    """
    studies = sorted(path for path in source.rglob("study") if path.is_dir() and path.parent.name.isdigit())
    (out / "scans").mkdir(parents=True, exist_ok=True)
    for study in studies:
        files = list(_series(study))
        for field, wanted in (("20209", "SAX"), ("20208", "LAX")):
            own = [(path, series) for path, series in files if wanted in series]
            if own:
                write_zip(own, out / "scans" / f"{study.parent.name}_{field}_2_0.zip")
    tables = [pd.read_csv(path) for path in sorted([*source.rglob("train.csv"), *source.rglob("validate.csv")])]
    for table in tables:
        if missing := {"Id", *KAGGLE_FIELDS} - set(table):
            raise UserError(f"{source}: the table of volumes has no column {', '.join(sorted(missing))}")
    if tables:
        volumes = pd.concat(tables).rename(columns={"Id": "eid"} | KAGGLE_FIELDS)
        volumes[["eid", *KAGGLE_FIELDS.values()]].to_csv(out / "table.csv", index=False)
    return len(studies)


def _series(study: Path) -> Iterator[tuple[Path, str]]:
    """DICOM files of a study by series; on the short axis, each slice's folder is a series."""
    for number, folder in enumerate(sorted(study.iterdir()), 1):
        view = folder.name.split("_")[0]
        if folder.is_dir() and view in KAGGLE_SERIES:
            series = KAGGLE_SERIES[view] + (f"_b{number}" if view == "sax" else "")
            yield from ((path, series) for path in sorted(folder.glob("*.dcm")))


def write_zip(files: list[tuple[Path, str]], path: Path) -> None:
    """DICOM files and the manifest that names the series of each."""
    from vita.runtime.atomic import replacing

    with replacing(path) as temporary, zipfile.ZipFile(temporary, "w") as archive:
        lines = ["filename,patientid,date,series discription,modality"]
        for number, (file, series) in enumerate(files):
            archive.write(file, f"{number:05d}.dcm")
            lines.append(f"{number:05d}.dcm,,,{series},MR")
        archive.writestr("manifest.csv", "\n".join(lines) + "\n")


def sunnybrook(source: Path, out: Path) -> int:
    """Cines of DICOM files as NIfTI, and the manual contours as masks; see `vita.elsewhere.sunnybrook`."""
    from vita.elsewhere.sunnybrook import write_patient
    from vita.images.header import ScanError

    written = 0
    for name, files, contours in _patients(source):
        try:
            write_patient(files, contours, _folder(out, name))
            written += 1
        except ScanError as error:
            log.warning("a patient is left out: %s", error)
            shutil.rmtree(out / "scans" / name)
    return written


def _patients(source: Path) -> Iterator[tuple[str, list[Path], list[Path]]]:
    """Name, short-axis DICOM files and contours of each patient."""
    contours: dict[str, list[Path]] = {}
    for path in sorted(source.rglob("IRCCI-expert/*contour-manual.txt")):
        contours.setdefault(path.parents[2].name, []).append(path)
    folders: dict[str, list[Path]] = {}
    for path in sorted(source.rglob("*.dcm")):
        inside = path.relative_to(source).parts
        name = next((part for part in inside if re.fullmatch(r"SC-\w+-[\w-]*\d+|SCD\d+", part)), None)
        if name and (not name.startswith("SCD") or any("SAX" in part.upper() for part in inside)):
            folders.setdefault(name, []).append(path)
    names = {}
    for table in source.rglob("scd_patientdata.csv"):
        known = pd.read_csv(table, dtype=str)
        names = dict(zip(known["PatientID"], known["OriginalID"], strict=True))
    for name, files in folders.items():
        original = str(names.get(name, name))
        yield original, files, contours.get(original, [])


def _folder(out: Path, name: str) -> Path:
    folder = out / "scans" / name
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _suffix(path: Path) -> str:
    return ".nii.gz" if path.name.endswith(".gz") else ".nii"


def _save(image: Any, path: Path) -> None:
    import nibabel

    nibabel.save(image, path)


LAYOUTS: dict[str, Callable[[Path, Path], int]] = {
    "acdc": acdc,
    "mms": mms,
    "kaggle": kaggle,
    "sunnybrook": sunnybrook,
}


if __name__ == "__main__":
    cli.run(main)

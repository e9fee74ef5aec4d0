"""What is in the files of a few participants, read whole: voxels that can be used, and masks that can be measured.

Headers look right even if a file is cut short, an image is constant, or masks have unexpected labels, and a
training would show that only after hours.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from vita.check.findings import Finding, error, warning
from vita.config.typed import Configuration
from vita.images.folders import Found
from vita.images.header import ScanError
from vita.images.index import index_participant
from vita.images.participant import read_participant
from vita.images.settings import ImageSettings
from vita.plan.systems import tasks_of

READ = 3  # participants, spread over all
# curves that a task's phenotypes are measured on, and the views whose masks give them; one is enough
_CURVES = {
    "sa_phenotypes": (("lv_ml",), ("sa",)),
    "la_phenotypes": (("la_2ch_mm2", "la_4ch_mm2"), ("la_2ch", "la_4ch")),
}


def content_findings(config: Configuration, people: dict[int, Found], settings: ImageSettings) -> Iterator[Finding]:
    """Findings about the voxels and masks of READ participants; refused headers are reported by other checks."""
    settings = replace(settings, write_nifti=None)
    chosen = list(people.items())[:: max(1, len(people) // READ)][:READ]
    records: list[dict[str, Any]] = []
    reasons = []
    for eid, found in chosen:
        rows = index_participant(eid, found, settings)
        if any(row["view"] in settings.required_views and not row["usable"] for row in rows):
            continue
        try:
            records.append(read_participant(rows, settings).record)
        except ScanError as failure:
            reasons.append(str(failure))
    folder = config["input"]["scans"]
    if reasons and not records:
        yield error(
            f"config: 'input.scans' ({folder}): none of {len(reasons)} participants whose files were read whole can be "
            f"used, most often {max(reasons, key=reasons.count)}; deliver or convert the scans again"
        )
    elif reasons:
        yield warning(
            f"{len(reasons)} of {len(reasons) + len(records)} participants under {folder} whose files were read whole "
            f"cannot be used: {reasons[0]}"
        )
    if records and settings.mask_source == "files" and config["products"] == "all":
        yield from _masks(config, records)


def _masks(config: Configuration, records: list[dict[str, Any]]) -> Iterator[Finding]:
    """Masks that are there but cannot be measured, for a task whose phenotypes are measured on them."""
    if config["phenotypes"]["source"] != "masks":
        return
    wanted = {task for system in config["systems"] for task in tasks_of(config, system)}
    for task, (curves, views) in _CURVES.items():
        notes = [
            note
            for record in records
            for note in record["notes"]
            if note.startswith(tuple(f"{view}:" for view in views)) and "mask" in note
        ]
        if task in wanted and notes and not any(record.keys() & set(curves) for record in records):
            labels = "; look at 'images.masks.labels'" if "label" in notes[0] else ""
            yield error(
                f"config: 'phenotypes.source' is masks, but in none of {len(records)} participants whose files were "
                f"read whole can {task} be measured: {max(notes, key=notes.count)} (under {config['input']['scans']})"
                f"{labels or '; deliver the masks again, or choose another source'}",
                "training",
            )

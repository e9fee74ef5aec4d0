"""Scans before a run: who has them, which views, frames and matrix, and whether the masks that are needed exist.

Folders are listed whole; headers are read of a sample of participants spread over all, since those of 42,000 take
minutes.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from vita.check.contents import content_findings
from vita.check.findings import Finding, error, note, warning
from vita.config.typed import Configuration
from vita.images.folders import SCAN_SUFFIXES, Found, find_participants
from vita.images.index import index_participant
from vita.images.layout import VIEWS
from vita.images.rows import IndexRow
from vita.images.settings import ImageSettings
from vita.images.zips import FIELD_OF_VIEW
from vita.plan.systems import tasks_of
from vita.withdrawals import load_withdrawals

MODEL = "set 'images.masks.source' to model, by which the run draws masks itself"
SAMPLE = 100  # participants whose headers are read
_PHENOTYPES = ("sa_phenotypes", "la_phenotypes")
# masks that a task's phenotypes are measured on: of the short-axis stack; of either atrium's view
_MASKS = {"sa_phenotypes": ("sa",), "la_phenotypes": ("la_2ch", "la_4ch", "la_4ch_all")}


@dataclass(frozen=True)
class Scanned:
    """Participants with scans, less those who withdrew; and how many lines the list of withdrawals has."""

    people: dict[int, Found]
    withdrawn: int
    matched: int


def look(config: Configuration) -> Scanned:
    """List the folder of scans.

    Raises:
        UserError: the folder or the list of withdrawals cannot be read.
    """
    source = config["input"]
    withdrawn = load_withdrawals(source["withdrawals"])
    everybody = find_participants(Path(source["scans"] or ""), frozenset(), config["cohort"]["instance"])
    people = {eid: found for eid, found in everybody.items() if eid not in withdrawn}
    return Scanned(people, len(withdrawn), len(everybody) - len(people))


def settings_of(config: Configuration) -> ImageSettings:
    """The block `images` with the visit of the scans."""
    return ImageSettings.from_dict({"images": config["images"] | {"instance": config["cohort"]["instance"]}})


def scan_findings(config: Configuration, scanned: Scanned) -> Iterator[Finding]:
    """What is wrong with the scans, and what will be left out."""
    folder, people = config["input"]["scans"] or "", scanned.people
    if not people:
        visit = config["cohort"]["instance"]
        if scanned.matched:
            yield error(
                f"config: 'input.withdrawals' ({config['input']['withdrawals']}) lists all {scanned.matched:,} "
                f"participants who have scans under {folder}; name the list of those who withdrew"
            )
            return
        if any((Path(folder) / f"{view}{suffix}").exists() for view in VIEWS for suffix in SCAN_SUFFIXES):
            yield error(
                f"config: 'input.scans' names {folder}, which holds the files of one participant; name the folder "
                "above it, which holds all participants"
            )
            return
        yield error(
            f"config: 'input.scans' names {folder}, in which there is no scan; it must hold <eid>/sa.nii.gz and so on, "
            f"or UK Biobank's zips of visit {visit} (<eid>_20209_{visit}_0.zip, 'cohort.instance')"
        )
        return
    if scanned.withdrawn:
        yield _withdrawals(config, scanned)
    settings = settings_of(config)
    yield from _views(people, settings, folder)
    yield from _sample(people, settings, folder)
    yield from content_findings(config, people, settings)
    yield from mask_findings(config, people, settings)


def _withdrawals(config: Configuration, scanned: Scanned) -> Finding:
    path = config["input"]["withdrawals"]
    if scanned.matched:
        return note(f"left out because they withdrew ({path}): {scanned.matched:,} of those with scans")
    return warning(
        f"none of the {scanned.withdrawn:,} ids of 'input.withdrawals' ({path}) has a scan; if this is not your "
        "application's list, name the right one"
    )


def _lacking(found: Found, settings: ImageSettings) -> str | None:
    """The first required view of a participant for which there is no file."""
    for view in settings.required_views:
        named = any(view + suffix in found.files for suffix in SCAN_SUFFIXES)
        if not named and FIELD_OF_VIEW[view] not in found.zips:
            return view
    return None


def _views(people: dict[int, Found], settings: ImageSettings, folder: str) -> Iterator[Finding]:
    """How many participants have no file of a view that the configuration requires."""
    lacking = Counter(view for found in people.values() if (view := _lacking(found, settings)))
    count = lacking.total()
    if not count:
        return
    view = lacking.most_common(1)[0][0]
    lack = f"lack a required view, most often {view} (a file {view}.nii.gz)"
    text = f"{count:,} of {len(people):,} participants under {folder} {lack}"
    if count > settings.max_excluded * len(people):
        yield error(
            f"config: {text}; above 'images.max_excluded' ({settings.max_excluded:g}) the run stops: take {view} out "
            "of 'images.required_views', or raise the limit"
        )
    else:
        yield note(f"{text}: they are left out")


def _sample(people: dict[int, Found], settings: ImageSettings, folder: str) -> Iterator[Finding]:
    """Headers of some participants: why they cannot be used, frames, and the matrix against the crop."""
    chosen = list(people.items())[:: max(1, len(people) // SAMPLE)]
    rows = [row for eid, found in chosen for row in index_participant(eid, found, settings)]
    needed = [row for row in rows if row["view"] in settings.required_views]
    bad: dict[int, str] = {}
    for row in needed:
        if not row["usable"]:
            bad.setdefault(row["eid"], f"{row['view']}: {row['reason']}")
    if bad:
        reason, _ = Counter(bad.values()).most_common(1)[0]
        text = f"{len(bad)} of {len(chosen)} participants looked at under {folder} cannot be used, most often {reason}"
        if len(bad) > settings.max_excluded * len(chosen):
            yield error(
                f"config: {text}; above 'images.max_excluded' ({settings.max_excluded:g}) the run stops: mend the "
                "scans or the setting that refuses them, or raise the limit"
            )
        else:
            yield note(f"{text}; such are left out")
    yield from _frames(needed, settings)
    yield from _matrix(needed, settings)


def _frames(rows: list[IndexRow], settings: ImageSettings) -> Iterator[Finding]:
    frames = Counter(row["frames"] for row in rows if row["frames"])
    if frames and settings.time == "resample" and set(frames) != {settings.frames}:
        common, _ = frames.most_common(1)[0]
        if common != settings.frames:
            yield warning(
                f"config: 'images.frames' is {settings.frames}, but most scans have {common} frames, which are "
                f"resampled in time; set it to {common} to keep them as they are"
            )


def _matrix(rows: list[IndexRow], settings: ImageSettings) -> Iterator[Finding]:
    """Whether the crop is larger than the image, in pixels or in millimetres."""
    small = []
    for row in rows:
        if not row["rows"]:
            continue
        scale = settings.resample_mm
        sides = [
            extent if scale is None else extent * spacing / scale
            for extent, spacing in (
                (row["rows"], row["spacing_row_mm"]),
                (row["columns"], row["spacing_column_mm"]),
            )
        ]
        if min(sides) < settings.size:
            small.append(int(min(sides)))
    if small and 2 * len(small) > len(rows):
        yield error(
            f"config: 'images.size' is {settings.size} pixels, but most images have {max(small)} or fewer on a side "
            f"after 'images.resample_mm' ({settings.resample_mm}), so that crops would be mostly margin; lower the "
            "first"
        )
    elif small:
        yield warning(
            f"config: 'images.size' is {settings.size} pixels, and {len(small)} of {len(rows)} images looked at are "
            "smaller; their crops get a dark margin"
        )


def mask_findings(config: Configuration, people: dict[int, Found], settings: ImageSettings) -> Iterator[Finding]:
    """Masks that something needs: phenotypes measured on them, segmentation, and crops around the heart."""
    if settings.mask_source != "files":
        return  # the run makes them
    have = {
        kind: sum(any(name in found.files for name in names) for found in people.values())
        for kind, names in settings.masks.items()
    }
    where = f"under {config['input']['scans']}"
    expected = f"{', '.join(settings.masks['sa'])} and so on, 'images.masks'"
    for key, value in settings.needing_masks.items():
        if not have["sa"]:
            other = {"crop": "center", "slices": "even"}[key]
            yield error(
                f"config: 'images.{key}' is {value}, but nobody {where} has a short-axis mask ({expected}); set it to "
                f"{other}, or {MODEL}"
            )
    if config["products"] != "all":
        return
    wanted = {system: tasks_of(config, system) for system in config["systems"]}
    if config["phenotypes"]["source"] == "masks":
        for task in _PHENOTYPES:
            users = [system for system, tasks in wanted.items() if task in tasks]
            if users and not any(have[kind] for kind in _MASKS[task]):
                yield error(
                    f"config: 'phenotypes.source' is masks, but nobody {where} has the masks that {task} are measured "
                    f"on ({expected}); set it to fields (UK Biobank's own, 24100 to 24117), {MODEL}, or leave {task} "
                    f"out of 'systems' ({', '.join(users)})",
                    "training",
                )
    users = [system for system, tasks in wanted.items() if "segmentation" in tasks]
    if users and not any(have.values()):
        yield error(
            f"config: 'systems.{users[0]}.tasks' names segmentation, but nobody {where} has a mask to learn from "
            f"({expected}); {MODEL}, or leave segmentation out of 'systems' ({', '.join(users)})",
            "training",
        )
    elif users and not have["sa"]:
        yield warning(f"nobody {where} has a short-axis mask; segmentation learns from long-axis masks alone")

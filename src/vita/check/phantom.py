"""Sizes of the phantom cohort that are inconsistent, or that the run's own rules refuse, before it is made."""

from collections.abc import Iterator
from typing import Literal

from vita.check.findings import Finding, error
from vita.check.scans import settings_of
from vita.config.typed import Configuration
from vita.runtime.errors import UserError

# a rule of quality control, the phantom's size that it judges, and whether the rule is the largest allowed value
# a rule of quality control, the size of the phantom that it judges, and whether too large a size breaks it
_JUDGED: tuple[
    tuple[Literal["pixel_mm", "slice_gap_mm", "few_frames"], Literal["pixel_mm", "sa_spacing_mm", "frames"], bool],
    ...,
] = (("pixel_mm", "pixel_mm", True), ("slice_gap_mm", "sa_spacing_mm", True), ("few_frames", "frames", False))


def phantom_findings(config: Configuration) -> Iterator[Finding]:
    """Findings about the block `phantom`; none where the run reads files."""
    if config["input"]["source"] != "phantom":
        return
    yield from _people(config)
    yield from _images(config)
    yield from _refused(config)


def _people(config: Configuration) -> Iterator[Finding]:
    cohort = config["phantom"]
    people = cohort["participants"]
    lost = cohort["broken_scans"] + cohort["withdrawn"]
    if lost >= people:
        yield error(
            f"config: 'phantom.broken_scans' and 'phantom.withdrawn' sum to {lost}, but 'phantom.participants' is "
            f"{people}; lower the first two"
        )
    elif cohort["broken_scans"] > config["images"]["max_excluded"] * (people - cohort["withdrawn"]):
        yield error(
            f"config: 'phantom.broken_scans' is {cohort['broken_scans']} of {people} participants, more than "
            f"'images.max_excluded' ({config['images']['max_excluded']:g}) allows; lower the first"
        )
    if cohort["batches"] > people:
        yield error(f"config: 'phantom.batches' is {cohort['batches']}, but there are {people} participants; lower it")


def _images(config: Configuration) -> Iterator[Finding]:
    cohort, images = config["phantom"], config["images"]
    try:
        settings_of(config)
    except UserError as mistake:
        yield error(str(mistake))
    if cohort["sa_slices"] < images["sa_slices"]:
        yield error(
            f"config: 'phantom.sa_slices' is {cohort['sa_slices']}, but 'images.sa_slices' keeps "
            f"{images['sa_slices']}; raise the first"
        )
    if images["resample_mm"] is None and images["size"] > min(cohort["matrix"]):
        yield error(
            f"config: 'images.size' is {images['size']} pixels, but 'phantom.matrix' has {min(cohort['matrix'])} on a "
            "side; lower the first, or enlarge the second"
        )
    if images["time"] == "refuse" and cohort["frames"] != images["frames"]:
        yield error(
            f"config: 'images.time' is refuse and 'images.frames' {images['frames']}, but 'phantom.frames' is "
            f"{cohort['frames']}, so every scan would be refused; make the numbers equal, or set the first to resample"
        )


def _refused(config: Configuration) -> Iterator[Finding]:
    """Rules of quality control that would exclude every phantom."""
    quality = config["images"]["quality"]
    for rule, size, largest in _JUDGED:
        limit, value = quality[rule], config["phantom"][size]
        if rule in quality["exclude"] and limit is not None and (value > limit if largest else value < limit):
            yield error(
                f"config: 'phantom.{size}' is {value:g}, {'above' if largest else 'below'} 'images.quality.{rule}' "
                f"({limit:g}), which excludes every participant; change one of them"
            )

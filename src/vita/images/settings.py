"""Settings of the image steps: the `images` and `phenotypes` blocks of config.yaml, checked."""

from dataclasses import dataclass, fields
from typing import Any

from vita.config.blocks import check_complete
from vita.images.intensity import CHOICES, JOINT, MINMAX
from vita.images.layout import LABELS, MASK_FILES, SA_LABELS, SA_PLANES, STRUCTURES, VIEWS
from vita.images.quality_rules import Quality
from vita.runtime.errors import UserError

MASK_SOURCES = ("files", "model", "both")
_OF_MASKS = {"labels", "mask_source", "mask_command", "mask_timeout_s"}  # set by keys of the block masks
SA_NAMES = [name for name, number in STRUCTURES.items() if number in SA_LABELS.values()]


@dataclass(frozen=True, kw_only=True)
class ImageSettings:
    """The `images` block, all of it.

    Sizes are in pixels, `resample_mm` in mm, `max_file_mb` in MB once decompressed; `instance` is the imaging visit of
    UK Biobank's zips, needed where scans are looked for; `write_nifti` is a folder that zips are also written to as
    NIfTI; `labels` is the key `masks.labels`, the number of each structure in short-axis masks; `mask_source` is
    `masks.source`: masks are files, or made by the run's model, or made where there is no file (both); `mask_command`
    is `masks.command`, a command that draws instead of the network of the package, or one for each of some views, and
    `mask_timeout_s` its `masks.command_timeout_s`.
    """

    frames: int
    size: int
    sa_slices: int
    crop: str
    slices: str
    resample_mm: float | None
    quantize_bits: int | None
    intensity: str
    time: str
    required_views: tuple[str, ...]
    max_excluded: float
    max_file_mb: float
    instance: int | None
    write_nifti: str | None
    quality: Quality
    masks: dict[str, list[str]]
    labels: dict[str, int] | None
    mask_source: str
    mask_command: str | dict[str, str] | None
    mask_timeout_s: float

    @classmethod
    def from_dict(cls, settings: dict[str, Any]) -> "ImageSettings":
        """Read the block `images` of a settings object; keys of other steps are left alone.

        Raises:
            UserError: a key is missing or a value not allowed; the message names the config key.
        """
        block = settings.get("images", {})
        known = [name.name for name in fields(cls) if name.name not in {*_OF_MASKS, "instance"}]
        check_complete("images", block, known)
        check_complete("images.masks", block["masks"], ("labels", "source", "command", "command_timeout_s"))
        values = {key: block[key] for key in known} | {"instance": block.get("instance")}
        values["required_views"] = tuple(block["required_views"])
        values["masks"] = {**MASK_FILES, **block["masks"]}
        values["labels"] = values["masks"].pop("labels")
        values["masks"].pop("adapt", None)  # of another rule, in a whole configuration
        values["mask_source"] = values["masks"].pop("source")
        values["mask_command"] = values["masks"].pop("command")
        values["mask_timeout_s"] = values["masks"].pop("command_timeout_s")
        values["quality"] = Quality.from_dict(block["quality"])
        result = cls(**values)
        result._check()
        return result

    @property
    def needing_masks(self) -> dict[str, str]:
        """Keys by which a short-axis mask says what is cut, with their values."""
        return {key: getattr(self, key) for key in ("crop", "slices") if getattr(self, key) in ("mask", "base")}

    def labels_of(self, view: str) -> dict[int, int]:
        """Label in the mask files of a view to class of this project; empty for a view without masks."""
        if view == "sa" and self.labels:
            return {number: STRUCTURES[name] for name, number in self.labels.items()}
        return LABELS.get(view, {})

    def _check(self) -> None:
        for name, number in (self.labels or {}).items():
            if name not in SA_NAMES or isinstance(number, bool) or not isinstance(number, int) or not 1 <= number < 254:
                raise UserError(
                    f"config: 'images.masks.labels' has {name}: {number!r}; it numbers {', '.join(SA_NAMES)}"
                )
        if self.labels and len(set(self.labels.values())) < len(self.labels):
            raise UserError("config: 'images.masks.labels' gives two structures the same number")
        for key, choices in {
            "crop": ("center", "mask"),
            "slices": ("even", "mask", "base"),
            "time": ("resample", "refuse"),
            "intensity": CHOICES,
        }.items():
            if getattr(self, key) not in choices:
                raise UserError(f"config: 'images.{key}' is {getattr(self, key)!r}; choose one of {', '.join(choices)}")
        if self.mask_source not in MASK_SOURCES:
            raise UserError(
                f"config: 'images.masks.source' is {self.mask_source!r}; choose one of {', '.join(MASK_SOURCES)}"
            )
        for view in self.required_views:
            if view not in VIEWS:
                raise UserError(f"config: 'images.required_views' names {view!r}; choose from {', '.join(VIEWS)}")
        for view in self.masks:
            if view not in MASK_FILES:
                raise UserError(f"config: 'images.masks' names {view!r}; choose from {', '.join(MASK_FILES)}")
        for key in ("frames", "size"):
            if getattr(self, key) < 1:
                raise UserError(f"config: 'images.{key}' is {getattr(self, key)}; it must be at least 1")
        if self.quantize_bits is not None and not 1 <= self.quantize_bits <= 16:
            raise UserError(f"config: 'images.quantize_bits' is {self.quantize_bits}; it must be 1 to 16, or null")
        if self.intensity == JOINT and self.quantize_bits is not None:
            raise UserError(
                f"config: 'images.intensity' is {JOINT}, but 'images.quantize_bits' is {self.quantize_bits}, which "
                "gives each view numbers of its own; set 'images.quantize_bits' to null, or 'images.intensity' to "
                f"{MINMAX}"
            )
        if self.sa_slices != SA_PLANES:
            raise UserError(f"config: 'images.sa_slices' is {self.sa_slices}; the plane order is fixed at {SA_PLANES}")

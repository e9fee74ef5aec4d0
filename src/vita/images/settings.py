"""Settings of the image steps: the `images` and `phenotypes` blocks of config.yaml, checked, and the rules of quality.

A rule of quality control has a name, a limit, and says whether what breaks it is left out or only noted. In config.yaml
a rule under `images.quality` is a number (its limit), or null (the rule is off). A leading list `exclude` names the
rules that leave a participant out.
"""

from dataclasses import dataclass, field, fields
from typing import Any

from vita.images.intensity import CHOICES, JOINT, MINMAX
from vita.images.layout import LABELS, MASK_FILES, SA_LABELS, SA_PLANES, STRUCTURES, VIEWS
from vita.runtime.errors import UserError

MASK_SOURCES = ("files", "model", "both")
SA_NAMES = [name for name, number in STRUCTURES.items() if number in SA_LABELS.values()]


@dataclass(frozen=True)
class Rule:
    """A rule: what is measured must be at most (`upper`) or at least its limit."""

    limit: float
    upper: bool
    meaning: str


RULES = {
    "pixel_mm": Rule(5.0, True, "largest in-plane pixel size, mm"),
    "slice_gap_mm": Rule(25.0, True, "largest distance of short-axis slices, mm"),
    "few_frames": Rule(10, False, "frames of a cycle"),
    "constant_frames": Rule(0, True, "frames in which all kept pixels of a slice are equal"),
    "saturated": Rule(0.05, True, "part of the kept pixels that have the largest value"),
    "frame_jump": Rule(0.5, True, "change between neighbouring frames, in standard deviations of the image"),
    "loose_parts": Rule(0.2, True, "part of the LV cavity's voxels outside its largest connected part"),
    "curve_jump": Rule(0.35, True, "change of the LV volume between neighbouring frames, of its largest"),
    "no_place": Rule(0, True, "1 if the file does not say how the image lies in the scanner"),
    "forms_apart_mm": Rule(2.0, True, "distance of a corner by a NIfTI file's sform from the same by its qform, mm"),
    "small_lv_ml": Rule(10, False, "largest volume of the LV, ml; a healthy adult's is above 80"),
    "large_lv_ml": Rule(700, True, "largest volume of the LV, ml; the largest ones of heart failure are below"),
    "mask_score": Rule(0.5, False, "score of a mask that the run made, 0 to 1; below, it is not used"),
}
EXCLUDING = ("pixel_mm", "constant_frames")


@dataclass(frozen=True)
class Quality:
    """Limits in force by rule, and which rules leave a participant out."""

    limits: dict[str, float | None] = field(default_factory=lambda: {name: rule.limit for name, rule in RULES.items()})
    exclude: tuple[str, ...] = EXCLUDING

    @classmethod
    def from_dict(cls, block: dict[str, Any]) -> "Quality":
        """Read the block `images.quality`.

        Raises:
            UserError: a rule that does not exist, or a limit that is no number.
        """
        limits = dict(cls().limits)
        for name, limit in block.items():
            if name == "exclude":
                continue
            if name not in RULES:
                raise UserError(f"config: unknown key 'images.quality.{name}'; known here: exclude, {', '.join(RULES)}")
            if limit is not None and (isinstance(limit, bool) or not isinstance(limit, int | float)):
                raise UserError(f"config: 'images.quality.{name}' is {limit!r}; it must be a number or null")
            limits[name] = limit
        exclude = tuple(block.get("exclude", EXCLUDING))
        for name in exclude:
            if name not in RULES:
                raise UserError(f"config: 'images.quality.exclude' names {name!r}; choose from {', '.join(RULES)}")
        return cls(limits, exclude)

    def broken(self, rule: str, value: float) -> bool:
        """Whether a value breaks a rule; never if the rule is off or the value unknown."""
        limit = self.limits[rule]
        if limit is None or value != value:
            return False
        return value > limit if RULES[rule].upper else value < limit


@dataclass(frozen=True)
class ImageSettings:
    """The `images` block.

    Sizes are in pixels, `resample_mm` in mm, `max_file_mb` in MB once decompressed; `instance` is the imaging visit of
    UK Biobank's zips; `write_nifti` is a folder that zips are also written to as NIfTI; `labels` is the key
    `masks.labels`, the number of each structure in short-axis masks; `mask_source` is `masks.source`: masks are files,
    or made by the run's model, or made where there is no file (both).
    """

    frames: int = 20
    size: int = 48
    sa_slices: int = SA_PLANES
    crop: str = "center"
    slices: str = "even"
    resample_mm: float | None = None
    quantize_bits: int | None = None
    intensity: str = MINMAX
    time: str = "resample"
    required_views: tuple[str, ...] = VIEWS
    max_excluded: float = 0.1
    max_file_mb: float = 2000
    instance: int = 2
    write_nifti: str | None = None
    quality: Quality = field(default_factory=Quality)
    masks: dict[str, list[str]] = field(default_factory=lambda: dict(MASK_FILES))
    labels: dict[str, int] | None = None
    mask_source: str = "files"

    @classmethod
    def from_dict(cls, settings: dict[str, Any]) -> "ImageSettings":
        """Read the block `images` of a settings object; keys of other steps are left alone.

        Raises:
            UserError: a value that is not allowed, named by its config key.
        """
        block = dict(settings.get("images", {}))
        known = {name.name for name in fields(cls)}
        values = {key: value for key, value in block.items() if key in known - {"labels", "mask_source"}}
        if "required_views" in values:
            values["required_views"] = tuple(values["required_views"])
        if "masks" in values:
            values["masks"] = {**MASK_FILES, **(values["masks"] or {})}
            values["labels"] = values["masks"].pop("labels", None)
            values["mask_source"] = values["masks"].pop("source", "files")
        values["quality"] = Quality.from_dict(block.get("quality") or {})
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

"""Rules of quality control: each has a name, a limit, and a consequence, exclusion or only a note.

In config.yaml a rule under `images.quality` is a number (its limit), or null (the rule is off). A list `exclude` names
the rules that leave a participant out.
"""

from dataclasses import dataclass
from typing import Any

from vita.config.blocks import check_complete
from vita.runtime.errors import UserError


@dataclass(frozen=True)
class Rule:
    """A rule: what is measured must be at most (`upper`) or at least its limit."""

    upper: bool
    meaning: str


RULES = {
    "pixel_mm": Rule(True, "largest in-plane pixel size, mm"),
    "slice_gap_mm": Rule(True, "largest distance of short-axis slices, mm"),
    "few_frames": Rule(False, "frames of a cycle"),
    "constant_frames": Rule(True, "frames in which all kept pixels of a slice are equal"),
    "saturated": Rule(True, "part of the kept pixels that have the largest value"),
    "frame_jump": Rule(True, "change between neighbouring frames, in standard deviations of the image"),
    "loose_parts": Rule(True, "part of the LV cavity's voxels outside its largest connected part"),
    "curve_jump": Rule(True, "change of the LV volume between neighbouring frames, of its largest"),
    "no_place": Rule(True, "1 if the file does not say how the image lies in the scanner"),
    "forms_apart_mm": Rule(True, "distance of a corner by a NIfTI file's sform from the same by its qform, mm"),
    "small_lv_ml": Rule(False, "largest volume of the LV, ml; a healthy adult's is above 80"),
    "large_lv_ml": Rule(True, "largest volume of the LV, ml; the largest ones of heart failure are below"),
    "mask_score": Rule(False, "score of a mask that the run made, 0 to 1; below, it is not used"),
}


@dataclass(frozen=True)
class Quality:
    """Limits in force by rule, and which rules leave a participant out."""

    limits: dict[str, float | None]
    exclude: tuple[str, ...]

    @classmethod
    def from_dict(cls, block: dict[str, Any]) -> "Quality":
        """Read the block `images.quality`.

        Raises:
            UserError: a rule that is missing or does not exist, or a limit that is no number.
        """
        check_complete("images.quality", block, ("exclude", *RULES))
        limits: dict[str, float | None] = {}
        for name, limit in block.items():
            if name == "exclude":
                continue
            if name not in RULES:
                raise UserError(f"config: unknown key 'images.quality.{name}'; known here: exclude, {', '.join(RULES)}")
            if limit is not None and (isinstance(limit, bool) or not isinstance(limit, int | float)):
                raise UserError(f"config: 'images.quality.{name}' is {limit!r}; it must be a number or null")
            limits[name] = limit
        exclude = tuple(block["exclude"])
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

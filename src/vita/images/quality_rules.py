"""Rules of quality control: each has a name, a limit, and says whether what breaks it is left out or only noted.

In config.yaml a rule under `images.quality` is a number (its limit), or null (the rule is off). A leading list
`exclude` names the rules that leave a participant out.
"""

from dataclasses import dataclass, field
from typing import Any

from vita.runtime.errors import UserError


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

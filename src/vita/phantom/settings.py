"""Settings of the phantom cohort: the `phantom` block of config.yaml and the seed, checked."""

from dataclasses import dataclass
from typing import Any

from vita.config.blocks import check_complete, needed
from vita.runtime.errors import UserError


@dataclass(frozen=True, kw_only=True)
class PhantomSettings:
    """Size of the cohort and of its scans.

    Attributes:
        seed: seeds everything; a participant's scan depends on the seed and the participant alone.
        participants, broken_scans, withdrawn: counts of people.
        rows, columns, pixel_mm: a plane.
        frames: frames of a cardiac cycle.
        sa_slices, sa_spacing_mm: the short-axis stack; the spacing includes the gap.
        labelled: share of people with masks, phenotypes and disease labels, above 0.
    """

    seed: int
    participants: int
    rows: int
    columns: int
    pixel_mm: float
    frames: int
    sa_slices: int
    sa_spacing_mm: float
    broken_scans: int
    withdrawn: int
    labelled: float

    @classmethod
    def from_dict(cls, settings: dict[str, Any]) -> "PhantomSettings":
        """Read `{"seed": ..., "phantom": {...}}`.

        Raises:
            UserError: a key is missing, or its value has the wrong type or is too small; the message names the config
                key.
        """
        block = {"seed": needed(settings, "seed"), **settings.get("phantom", {})}
        counts = {"participants": 1, "frames": 2, "sa_slices": 1, "broken_scans": 0, "withdrawn": 0}
        keys = ("matrix", *counts, "pixel_mm", "sa_spacing_mm", "labelled")
        check_complete("phantom", block, keys)
        matrix = block["matrix"]
        if not isinstance(matrix, list | tuple) or len(matrix) != 2:
            raise UserError(f"config: 'phantom.matrix' is {matrix!r}; give [rows, columns]")
        values: dict[str, Any] = {"seed": block["seed"], "rows": matrix[0], "columns": matrix[1]}
        values |= {key: block[key] for key in keys[1:]}
        least = {"seed": 0, "rows": 8, "columns": 8} | counts
        for key, lowest in least.items():
            name = "seed" if key == "seed" else f"phantom.{'matrix' if key in ('rows', 'columns') else key}"
            if type(values[key]) is not int or values[key] < lowest:
                raise UserError(f"config: '{name}' is {values[key]!r}; give a whole number of at least {lowest}")
        for key in ("pixel_mm", "sa_spacing_mm"):
            if isinstance(values[key], bool) or not isinstance(values[key], int | float) or values[key] <= 0:
                raise UserError(f"config: 'phantom.{key}' is {values[key]!r}; give a length in mm above 0")
        share = values["labelled"]
        if isinstance(share, bool) or not isinstance(share, int | float) or not 0 < share <= 1:
            raise UserError(f"config: 'phantom.labelled' is {share!r}; give a share above 0 and at most 1")
        if values["broken_scans"] + values["withdrawn"] > values["participants"]:
            raise UserError("config: 'phantom.broken_scans' and 'phantom.withdrawn' exceed 'phantom.participants'")
        return cls(**values)

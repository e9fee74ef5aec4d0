"""Where pictures of different views cross in the scanner, and where one shows the other's pixels.

Planes cross along a line. Pixels of one picture that lie within half a slice's thickness of the other's plane are seen
in both, at the foot of the perpendicular on that plane. Pictures are of the same moment if they lie at the same part of
the cycle, to the accuracy that their frames allow.
"""

from dataclasses import dataclass, fields

import numpy as np
import torch
from torch import Tensor

from vita.contouring.pictures import GRID
from vita.images.crop import Crop
from vita.images.geometry import Orientation

THICKNESS_MM = (4.0, 8.0)  # of cine slices; the distance of neighbours, which a header has, includes their gap
SMALLEST_SINE = 0.5  # of the angle between planes; 30 degrees
_ROUNDING = 1e-6


@dataclass(frozen=True)
class Places:
    """Where and when pictures were taken.

    Attributes:
        people_n: whose they are, counted from 0.
        phases_n: part of the cycle, 0 to 1, at which their middle frame begins.
        frames_n: part of the cycle that a frame lasts.
        affines_n44: from (mm along the plane's normal, row, column) of a picture to scanner space in mm.
        halves_mm_n: half of the slice's thickness.
        placed_n: whether the file says how the image lies in the scanner; other pictures cross none.
    """

    people_n: Tensor
    phases_n: Tensor
    frames_n: Tensor
    affines_n44: Tensor
    halves_mm_n: Tensor
    placed_n: Tensor

    def part(self, chosen: Tensor) -> "Places":
        """Those of the pictures of these numbers."""
        return Places(*(getattr(self, each.name)[chosen] for each in fields(self)))


def plane(orientation: Orientation, crop: Crop, place: int) -> np.ndarray:
    """The affine of a square that is cut from a slice, as `Places.affines_n44` has it."""
    down, across = (orientation.affine[:3, axis] * crop.step[axis - 1] for axis in (1, 2))
    normal = np.cross(down, across)
    result = np.eye(4)
    result[:3, 0] = normal / np.linalg.norm(normal)
    result[:3, 1], result[:3, 2] = down, across
    result[:3, 3] = (orientation.affine @ [place, *crop.first, 1])[:3]
    return result


def half_mm(orientation: Orientation) -> float:
    """Half of the thickness of a slice."""
    return float(np.clip(orientation.spacing_mm[0], *THICKNESS_MM)) / 2


def crossing(places: Places, chosen: Tensor) -> tuple[Tensor, Tensor]:
    """Pairs of pictures of one person and moment whose planes cross: positions in `chosen`, and numbers of the others.

    Args:
        places: of all pictures.
        chosen: numbers of those whose others are looked for.
    """
    mine = places.part(chosen)
    apart = (mine.phases_n[:, None] - places.phases_n).abs() % 1
    allowed = (mine.frames_n[:, None] + places.frames_n) / 2 + _ROUNDING
    normals = places.affines_n44[:, :3, 0]
    cosine = normals[chosen] @ normals.T
    found = (
        (mine.people_n[:, None] == places.people_n)
        & (torch.minimum(apart, 1 - apart) <= allowed)
        & (1 - cosine**2 >= SMALLEST_SINE**2)
        & mine.placed_n[:, None]
        & places.placed_n
    )
    one, other = torch.nonzero(found, as_tuple=True)
    return one, other


def positions(mine: Places, theirs: Places) -> tuple[Tensor, Tensor]:
    """Where pixels lie in other pictures.

    Args:
        mine: of n pictures.
        theirs: of as many, each of which crosses one of `mine`.

    Returns:
        (n, GRID, GRID, 3) distance from the other plane in mm, row and column there; and (n, 3) how these change with a
        mm along the line where the planes cross.
    """
    line = torch.arange(GRID, dtype=torch.float64)
    rows, columns = torch.meshgrid(line, line, indexing="ij")
    index = torch.stack([torch.zeros_like(rows), rows, columns, torch.ones_like(rows)], -1)
    matrix = torch.linalg.solve(theirs.affines_n44, mine.affines_n44)
    at = torch.einsum("nij,hwj->nhwi", matrix, index)[..., :3]
    along = torch.linalg.cross(mine.affines_n44[:, :3, 0], theirs.affines_n44[:, :3, 0])
    along = along / along.norm(dim=1, keepdim=True)
    return at, torch.linalg.solve(theirs.affines_n44[:, :3, :3], along)


def within(at_nhw3: Tensor, halves_mm_n: Tensor) -> Tensor:
    """(n, GRID, GRID) whether positions lie in the other picture and within its slice."""
    inside = ((at_nhw3[..., 1:] >= 0) & (at_nhw3[..., 1:] <= GRID - 1)).all(dim=-1)
    return inside & (at_nhw3[..., 0].abs() <= halves_mm_n[:, None, None])

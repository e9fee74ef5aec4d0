"""Where views cross, the teacher's drawings of both must agree: what `adapting` does with those that do not.

Classes that only one of the views has count as background in the comparison. Breath-holds shift slices against each
other by some mm: of a few shifts along the line where two planes cross, that with which the drawings agree best is
taken. A shift across the line cannot be found, and shows as disagreement.

Of what views tell, `mask` only leaves out pixels that are drawn differently; `mean` takes the mean of the
probabilities, so that it also becomes less sure there, and surer where the other view is.
"""

from collections.abc import Callable
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from vita.contouring.crossing import Places, crossing, positions, within
from vita.contouring.own_pictures import OwnPictures
from vita.contouring.pictures import GRID
from vita.mask_classes import BACKGROUND

CrossView = Literal["none", "mask", "mean"]
Draw = Callable[[OwnPictures], Tensor]

SHIFTS_MM = (0.0, -2.0, 2.0, -4.0, 4.0, -6.0, 6.0, -8.0, 8.0)  # of breath-holds
BETTER = 0.02  # by which overlap must grow for a shift to be believed
LEAST = 1e-6  # of what has to be divided by


def agreed(shares_nchw: Tensor, chosen: Tensor, own: OwnPictures, draw: Draw, how: CrossView) -> tuple[Tensor, Tensor]:
    """Probabilities of pictures once other views were asked.

    Args:
        shares_nchw: the teacher's, of the chosen pictures.
        chosen: their numbers.
        own: all pictures.
        draw: gives the teacher's probabilities of pictures.
        how: `mask` or `mean`; with `none`, nobody asks.

    Returns:
        Probabilities as given, or means; and (n, height, width) whether a pixel may be learnt from.
    """
    one, other = crossing(own.places, chosen)
    agreeing = torch.ones(len(chosen), *shares_nchw.shape[2:], dtype=torch.bool)
    if not len(one):
        return shares_nchw, agreeing
    numbers, where = torch.unique(other, return_inverse=True)
    theirs = draw(own.part(numbers))
    shared = own.part(chosen[one]).possible_nc & own.part(other).possible_nc
    shared[:, BACKGROUND] = False
    mine = folded(shares_nchw[one], shared)
    told, near = seen(mine, folded(theirs[where], shared), own.places.part(chosen[one]), own.places.part(other))
    if how == "mask":
        differ = near & (told.argmax(dim=1) != mine.argmax(dim=1))
        counts = torch.zeros(agreeing.shape).index_add_(0, one, differ.float())
        return shares_nchw, counts == 0
    total = torch.zeros_like(shares_nchw).index_add_(0, one, unfolded(told, shares_nchw[one], shared) * near[:, None])
    count = torch.zeros(agreeing.shape).index_add_(0, one, near.float())[:, None]
    return (shares_nchw + total) / (1 + count), agreeing


def folded(shares_nchw: Tensor, shared_nc: Tensor) -> Tensor:
    """Probabilities of the classes that two views share; the others' are added to background."""
    kept = shares_nchw * shared_nc[..., None, None]
    kept[:, BACKGROUND] = 1 - kept.sum(dim=1)
    return kept


def unfolded(told_nchw: Tensor, mine_nchw: Tensor, shared_nc: Tensor) -> Tensor:
    """What another view tells, with its background given to the classes that it lacks as one's own drawing has them."""
    rest = mine_nchw * ~shared_nc[..., None, None]
    rest[:, BACKGROUND] += LEAST
    result = told_nchw * shared_nc[..., None, None]
    return result + told_nchw[:, [BACKGROUND]] * rest / rest.sum(dim=1, keepdim=True)


def seen(
    mine_nchw: Tensor, theirs_nchw: Tensor, here: Places, there: Places, shifts_mm: tuple[float, ...] = SHIFTS_MM
) -> tuple[Tensor, Tensor]:
    """What other pictures show at one's own pixels, and which of these they show.

    Args:
        mine_nchw, theirs_nchw: probabilities of the classes that both views have; pairs of pictures.
        here, there: where they are.
        shifts_mm: that are tried, in this order.
    """
    at, along = positions(here, there)
    count = len(at)
    best, told, near = torch.full((count,), -torch.inf), torch.zeros_like(mine_nchw), torch.zeros(at.shape[:3]).bool()
    for shift_mm in shifts_mm:
        moved = at + shift_mm * along[:, None, None]
        grid = (moved[..., [2, 1]] * (2 / (GRID - 1)) - 1).float()
        shown = F.grid_sample(theirs_nchw, grid, align_corners=True)
        valid = within(moved, there.halves_mm_n)
        both = overlap(mine_nchw, shown, valid)
        better = both > best + (BETTER if shift_mm else 0)
        best = torch.where(better, both, best)
        told[better], near[better] = shown[better], valid[better]
    return told, near


def overlap(mine_nchw: Tensor, theirs_nchw: Tensor, valid_nhw: Tensor) -> Tensor:
    """(n,) Dice of probabilities of structures, over the pixels that count; 0 where there is no structure."""
    one, other = (shares[:, 1:] * valid_nhw[:, None] for shares in (mine_nchw, theirs_nchw))
    both, either = 2 * torch.minimum(one, other).sum(dim=(1, 2, 3)), (one + other).sum(dim=(1, 2, 3))
    return torch.where(either > 1, both / either.clamp_min(1), 0.0)

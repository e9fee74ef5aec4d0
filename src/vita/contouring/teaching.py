"""What the teacher of `adapting` draws, and which of it is to be learnt.

It sees plain pictures; its probabilities are averaged over the frames before and after, each as it is and turned.
Pixels count of which the mean is sure. Where a mask was delivered, it says which classes a pixel can have: one,
background or what the mask does not know, or any; the teacher chooses among these. Where views cross, they can be asked
to agree (`agreement`).
"""

from collections.abc import Callable

import torch
from torch import Tensor

from vita.contouring.network import Contours
from vita.contouring.own_pictures import MIDDLE, OwnPictures
from vita.contouring.pictures import CLASSES
from vita.contouring.quality import TURN_DEGREES, turn
from vita.mask_classes import BACKGROUND, NOT_ANNOTATED

OVER_TIME = (0.25, 0.5, 0.25)  # weights of the frames before, at and after
TURNS = (0.0, TURN_DEGREES)  # versions of a picture that the teacher draws
LEAST = 1e-6  # of a probability, so that a mask can contradict the teacher

Agree = Callable[[Tensor], tuple[Tensor, Tensor]]


def targets(
    teacher: Contours, own: OwnPictures, sure: float, device: str = "cpu", agree: Agree | None = None
) -> tuple[Tensor, Tensor]:
    """What the student is to learn of pictures.

    Args:
        teacher: in evaluation mode, on the device.
        own: pictures.
        sure: probability from which a pixel is learnt from.
        device: to compute on.
        agree: asks other views, see `agreement.agreed`; by default, none.

    Returns:
        Probabilities (n, CLASSES, height, width) of the classes that are possible, and weights (n, height, width): 1
        where one is sure and is a structure that the network is known to draw, else 0.
    """
    allowed = possible_classes(own)
    target = _among(mean_drawing(teacher, own, device), allowed)
    agreeing = torch.tensor(True)
    if agree is not None:
        target, agreeing = agree(target)
        target = _among(target, allowed)
    highest, likeliest = target.max(dim=1)
    trusted = torch.zeros(CLASSES, dtype=torch.bool)
    trusted[[BACKGROUND, *teacher.known]] = True
    told = own.masks_nhw.long()
    from_mask = (told != NOT_ANNOTATED) & (told != BACKGROUND)
    return target, ((highest >= sure) & ((trusted[likeliest] & agreeing) | from_mask)).float()


def _among(shares_nchw: Tensor, allowed_nchw: Tensor) -> Tensor:
    """Probabilities of the classes that are possible."""
    kept = shares_nchw.clamp_min(LEAST) * allowed_nchw
    return kept / kept.sum(dim=1, keepdim=True)


def mean_drawing(teacher: Contours, own: OwnPictures, device: str = "cpu") -> Tensor:
    """Probabilities (n, CLASSES, height, width) averaged over neighbouring frames and turned versions."""
    count, frames = own.images_nfhw.shape[:2]
    images = own.images_nfhw.float().flatten(0, 1)
    views, possible = (each.repeat_interleave(frames, dim=0) for each in (own.views_n, own.possible_nc))
    over_time = torch.tensor(OVER_TIME)[None, :, None, None, None]
    total = torch.zeros(count, CLASSES, *images.shape[1:])
    for degrees in TURNS:
        shares = _drawn(teacher, turn(images, degrees, "bilinear") if degrees else images, views, possible, device)
        if degrees:
            flat = turn(shares.flatten(0, 1), -degrees, "bilinear").view(shares.shape)
            flat[:, BACKGROUND] += 1 - flat.sum(dim=1)  # corners that the turned picture did not show
            shares = flat
        total += (shares.view(count, frames, *shares.shape[1:]) * over_time).sum(dim=1) / len(TURNS)
    return total


def plain_drawing(teacher: Contours, own: OwnPictures, device: str = "cpu") -> Tensor:
    """Probabilities (n, CLASSES, height, width) of the middle frame as it is, of the classes that are possible."""
    images = own.images_nfhw[:, MIDDLE].float()
    return _among(_drawn(teacher, images, own.views_n, own.possible_nc, device), possible_classes(own))


def _drawn(teacher: Contours, images_nhw: Tensor, views_n: Tensor, possible_nc: Tensor, device: str) -> Tensor:
    """Probabilities on the CPU; classes that a view does not have are never drawn."""
    with torch.inference_mode():
        logits = teacher(images_nhw.to(device), views_n.to(device)).cpu()
        shares: Tensor = logits.masked_fill(~possible_nc[..., None, None], -torch.inf).softmax(dim=1)
    return shares.clone()


def possible_classes(own: OwnPictures) -> Tensor:
    """(n, CLASSES, height, width) which classes each pixel can have, given its mask.

    Where the mask names a structure, that one; where it has background, background or a structure that it does not
    know; where nothing is annotated, any of the view's.
    """
    told = own.masks_nhw.long()[:, None]
    of_view = own.possible_nc[..., None, None]
    unknown = ~own.annotated_nc
    unknown[:, BACKGROUND] = True
    numbers = torch.arange(CLASSES).view(1, -1, 1, 1)
    named = told == numbers
    allowed = torch.where(told == BACKGROUND, of_view & unknown[..., None, None], named)
    return torch.where(told == NOT_ANNOTATED, of_view, allowed)

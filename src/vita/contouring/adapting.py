"""Self-training on a cohort's own scans: a teacher draws them, a student learns to from pictures that look otherwise.

The teacher is the running mean of the student's weights and begins as the weights that training left (mean teacher,
Tarvainen and Valpola, NeurIPS 2017). It sees plain pictures; its probabilities are averaged over the frames before and
after, each as it is and turned. Pixels of which the mean is sure are what the student learns from, on the same
picture turned, scaled, and with other coils, contrast and noise. Where a mask was delivered, it says which classes a
pixel can have: one, background or what the mask does not know, or any; the teacher chooses among these. Half of every
batch are synthetic pictures, so that what was learnt from those is not forgotten.
"""

import copy
import logging
from dataclasses import dataclass

import numpy as np
import torch
from monai.losses.dice import DiceCELoss
from torch import Tensor

from vita.contouring.disguise import Disguise
from vita.contouring.fitting import LOGGED_STEPS, approach, rate
from vita.contouring.network import Contours
from vita.contouring.own_pictures import MIDDLE, OwnPictures
from vita.contouring.pictures import CLASSES, Pictures
from vita.contouring.quality import TURN_DEGREES, turn
from vita.mask_classes import BACKGROUND, NOT_ANNOTATED

log = logging.getLogger(__name__)

LR, WEIGHT_DECAY = 3e-4, 1e-4
DECAY = 0.99  # of the teacher's weights, a step
OVER_TIME = (0.25, 0.5, 0.25)  # weights of the frames before, at and after
TURNS = (0.0, TURN_DEGREES)  # versions of a picture that the teacher draws
LEAST = 1e-6  # of a probability, so that a mask can contradict the teacher


@dataclass(frozen=True)
class Course:
    """How a self-training goes.

    Attributes:
        steps: batches.
        half: pictures of the cohort in each, and as many synthetic ones.
        sure: the teacher's mean probability from which a pixel is learnt from.
        seed: of every choice.
    """

    steps: int
    half: int
    sure: float
    seed: int


def adapt(start: Contours, own: OwnPictures, synthetic: Pictures, course: Course, device: str = "cpu") -> Contours:
    """The teacher's weights at the end of the course.

    Args:
        start: weights to begin with, on the CPU; left as they are.
        own: pictures of the cohort, at least one.
        synthetic: to go on with.
        course: how it goes.
        device: to compute on.
    """
    torch.manual_seed(course.seed)
    teacher = copy.deepcopy(start).to(device).eval()
    student = copy.deepcopy(start).to(device).train()
    optimizer = torch.optim.AdamW(student.parameters(), lr=LR, weight_decay=WEIGHT_DECAY)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: rate(step, course.steps))
    criterion = DiceCELoss(include_background=False, softmax=True, to_onehot_y=True, batch=True)
    disguise, random = Disguise(course.seed), torch.Generator().manual_seed(course.seed)
    losses, shares = [], []
    for step, (images, views, classes) in enumerate(synthetic.batches(course.half, course.steps), 1):
        chosen = torch.randint(len(own), (course.half,), generator=random)
        part = own.part(chosen)
        target, weight = targets(teacher, part, course.sure, device)
        plain = part.images_nfhw[:, MIDDLE].float()
        moved, labels = disguise.move(plain, torch.cat([target, weight[:, None]], dim=1))
        seen = torch.cat([images, disguise.recolour(moved)]).to(device)
        logits = student(seen, torch.cat([views, part.views_n]).to(device))
        mine, real = logits[: len(images)], logits[len(images) :]
        labels = labels.to(device)
        own_loss = soft_loss(real, labels[:, :-1], (labels[:, -1] > 0.99).float())
        loss = criterion(mine, classes[:, None].to(device)) + own_loss
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(student.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        approach(teacher, student, 1 - DECAY)
        losses.append((loss.item() - own_loss.item(), own_loss.item()))
        shares.append(float(weight.mean()))
        if step % LOGGED_STEPS == 0 or step == course.steps:
            synthetic_loss, real_loss = np.mean(losses[-LOGGED_STEPS:], axis=0)
            sure = np.mean(shares[-LOGGED_STEPS:])
            text = "step %d of %d: loss %.3f on synthetic pictures, %.3f on the cohort's; sure of %.0f %% of its pixels"
            log.info(text, step, course.steps, synthetic_loss, real_loss, 100 * sure)
    return teacher.cpu()


def targets(teacher: Contours, own: OwnPictures, sure: float, device: str = "cpu") -> tuple[Tensor, Tensor]:
    """What the student is to learn of pictures.

    Args:
        teacher: in evaluation mode, on the device.
        own: pictures.
        sure: probability from which a pixel is learnt from.
        device: to compute on.

    Returns:
        Probabilities (n, CLASSES, height, width) of the classes that are possible, and weights (n, height, width): 1
        where one is sure and is a structure that the network is known to draw, else 0.
    """
    drawn = mean_drawing(teacher, own, device)
    allowed = possible_classes(own)
    target = drawn.clamp_min(LEAST) * allowed
    target = target / target.sum(dim=1, keepdim=True)
    highest, likeliest = target.max(dim=1)
    trusted = torch.zeros(CLASSES, dtype=torch.bool)
    trusted[[BACKGROUND, *teacher.known]] = True
    told = own.masks_nhw.long()
    from_mask = (told != NOT_ANNOTATED) & (told != BACKGROUND)
    return target, ((highest >= sure) & (trusted[likeliest] | from_mask)).float()


def mean_drawing(teacher: Contours, own: OwnPictures, device: str = "cpu") -> Tensor:
    """Probabilities (n, CLASSES, height, width) averaged over neighbouring frames and turned versions."""
    count, frames = own.images_nfhw.shape[:2]
    images = own.images_nfhw.float().flatten(0, 1).to(device)
    views = own.views_n.repeat_interleave(frames).to(device)
    impossible = ~own.possible_nc.repeat_interleave(frames, dim=0).to(device)[..., None, None]
    over_time = torch.tensor(OVER_TIME, device=device)[None, :, None, None, None]
    total = torch.zeros(count, CLASSES, *images.shape[1:], device=device)
    with torch.inference_mode():
        for degrees in TURNS:
            shown = turn(images, degrees, "bilinear") if degrees else images
            shares = teacher(shown, views).masked_fill(impossible, -torch.inf).softmax(dim=1)
            if degrees:
                flat = turn(shares.flatten(0, 1), -degrees, "bilinear").view(shares.shape)
                flat[:, BACKGROUND] += 1 - flat.sum(dim=1)  # corners that the turned picture did not show
                shares = flat
            total += (shares.unflatten(0, (count, frames)) * over_time).sum(dim=1) / len(TURNS)
    return total.cpu().clone()


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


def soft_loss(logits_nchw: Tensor, target_nchw: Tensor, weight_nhw: Tensor) -> Tensor:
    """Cross-entropy and 1 less the Dice of the structures that are there, over pixels by their weights.

    Exactly 0, with no gradient, where all weights are 0.

    Args:
        logits_nchw: of the student.
        target_nchw: probabilities.
        weight_nhw: 0 to 1.
    """
    if not weight_nhw.any():
        return (logits_nchw * 0).sum()
    entropy = -(target_nchw * logits_nchw.log_softmax(dim=1)).sum(dim=1)
    found = (entropy * weight_nhw).sum() / weight_nhw.sum()
    drawn, aim = (part[:, 1:] * weight_nhw[:, None] for part in (logits_nchw.softmax(dim=1), target_nchw))
    both, either = 2 * (drawn * aim).sum(dim=(0, 2, 3)), (drawn + aim).sum(dim=(0, 2, 3))
    there = aim.amax(dim=(0, 2, 3)) > 0.5
    return found + (1 - both[there] / either[there]).mean() if there.any() else found

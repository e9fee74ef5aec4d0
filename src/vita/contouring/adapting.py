"""Self-training on a cohort's own scans: a teacher draws them, a student learns to from pictures that look otherwise.

The teacher is the running mean of the student's weights and begins as the weights that training left (mean teacher,
Tarvainen and Valpola, NeurIPS 2017). Pixels of which it is sure (`teaching`) are what the student learns from, on the
same picture turned, scaled, and with other coils, contrast and noise. Half of every batch are synthetic pictures, so
that what was learnt from those is not forgotten.
"""

import copy
import logging
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from monai.losses.dice import DiceCELoss
from torch import Tensor

from vita.contouring.agreement import CrossView, agreed
from vita.contouring.disguise import Disguise
from vita.contouring.fitting import LOGGED_STEPS, approach, rate
from vita.contouring.network import Contours
from vita.contouring.own_pictures import MIDDLE, OwnPictures
from vita.contouring.pictures import Pictures
from vita.contouring.resuming import Drawn, Part, Resumable
from vita.contouring.teaching import Agree, plain_drawing, targets

log = logging.getLogger(__name__)

LR, WEIGHT_DECAY = 3e-4, 1e-4
DECAY = 0.99  # of the teacher's weights, a step


@dataclass(frozen=True)
class Course:
    """How a self-training goes.

    Attributes:
        steps: batches.
        half: pictures of the cohort in each, and as many synthetic ones.
        sure: the teacher's mean probability from which a pixel is learnt from.
        seed: of every choice.
        cross_view: what is done where two views of a moment cross and the teacher draws them differently.
    """

    steps: int
    half: int
    sure: float
    seed: int
    cross_view: CrossView


def adapt(
    start: Contours,
    own: OwnPictures,
    synthetic: Pictures,
    course: Course,
    device: str = "cpu",
    resumable: Resumable | None = None,
) -> Contours:
    """The teacher's weights at the end of the course.

    Args:
        start: weights to begin with, on the CPU; left as they are.
        own: pictures of the cohort, at least one.
        synthetic: to go on with.
        course: how it goes.
        device: to compute on.
        resumable: state to go on from and to save.
    """
    training = _SelfTraining(start, own, course, device)
    parts = training.parts | {"pictures": synthetic}
    numbers = resumable.steps(course.steps, parts) if resumable else range(1, course.steps + 1)
    found = []
    for step, batch in zip(numbers, synthetic.batches(course.half, course.steps), strict=False):
        found.append(training.step(*batch))
        if step % LOGGED_STEPS == 0 or step == course.steps:
            synthetic_loss, real_loss, sure = np.mean(found[-LOGGED_STEPS:], axis=0)
            text = "step %d of %d: loss %.3f on synthetic pictures, %.3f on the cohort's; sure of %.0f %% of its pixels"
            log.info(text, step, course.steps, synthetic_loss, real_loss, 100 * sure)
    return training.teacher.cpu()


class _SelfTraining:
    """A teacher and its student, with all that changes from step to step.

    Args:
        start, own, course, device: see `adapt`.
    """

    def __init__(self, start: Contours, own: OwnPictures, course: Course, device: str) -> None:
        torch.manual_seed(course.seed)
        self.own, self.course, self.device = own, course, device
        self.teacher = copy.deepcopy(start).to(device).eval()
        self.student = copy.deepcopy(start).to(device).train()
        self.optimizer = torch.optim.AdamW(self.student.parameters(), lr=LR, weight_decay=WEIGHT_DECAY)
        self.schedule = torch.optim.lr_scheduler.LambdaLR(self.optimizer, lambda step: rate(step, course.steps))
        self.criterion = DiceCELoss(include_background=False, softmax=True, to_onehot_y=True, batch=True)
        self.disguise, self.random = Disguise(course.seed), torch.Generator().manual_seed(course.seed)

    @property
    def parts(self) -> dict[str, Part]:
        """What has to be restored for it to go on."""
        return {
            "student": self.student,
            "teacher": self.teacher,
            "optimizer": self.optimizer,
            "schedule": self.schedule,
            "disguise": Drawn(self.disguise.random),
            "chosen": Drawn(self.random),
        }

    def step(self, images: Tensor, views: Tensor, classes: Tensor) -> tuple[float, float, float]:
        """Learn from synthetic pictures and as many of the cohort; both losses and the share of sure pixels."""
        course, device = self.course, self.device
        chosen = torch.randint(len(self.own), (course.half,), generator=self.random)
        part = self.own.part(chosen)
        target, weight = targets(self.teacher, part, course.sure, device, self._agree(chosen))
        plain = part.images_nfhw[:, MIDDLE].float()
        moved, labels = self.disguise.move(plain, torch.cat([target, weight[:, None]], dim=1))
        seen = torch.cat([images, self.disguise.recolour(moved)]).to(device)
        logits = self.student(seen, torch.cat([views, part.views_n]).to(device))
        mine, real = logits[: len(images)], logits[len(images) :]
        labels = labels.to(device)
        own_loss = soft_loss(real, labels[:, :-1], (labels[:, -1] > 0.99).float())
        loss = self.criterion(mine, classes[:, None].to(device)) + own_loss
        self.optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.student.parameters(), 1.0)
        self.optimizer.step()
        self.schedule.step()
        approach(self.teacher, self.student, 1 - DECAY)
        return loss.item() - own_loss.item(), own_loss.item(), float(weight.mean())

    def _agree(self, chosen: Tensor) -> Agree | None:
        """Asks other views about pictures of these numbers; None where they are not asked."""
        if self.course.cross_view == "none":
            return None
        draw = partial(plain_drawing, self.teacher, device=self.device)
        return partial(agreed, chosen=chosen, own=self.own, draw=draw, how=self.course.cross_view)


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

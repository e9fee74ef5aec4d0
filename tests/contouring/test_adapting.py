"""Self-training: what the student is to learn of a pixel, its loss, and how the teacher follows. Numbers by hand."""

import math

import pytest
import torch
from torch import nn

from vita.contouring import adapting
from vita.contouring.adapting import Course, adapt, soft_loss
from vita.contouring.crossing import Places
from vita.contouring.disguise import Disguise
from vita.contouring.network import Contours
from vita.contouring.own_pictures import OwnPictures
from vita.contouring.pictures import CLASSES, GRID
from vita.contouring.teaching import mean_drawing, possible_classes, targets
from vita.images.layout import LABP, LVBP, LVMYO, RABP, RVBP, VIEWS
from vita.mask_classes import NOT_ANNOTATED

SA, TWO_CHAMBER = VIEWS.index("sa"), VIEWS.index("la_2ch")
SMALL = (8, 8, 8, 8, 8, 8)


class Teacher(nn.Module):
    """The LV cavity with a probability that is the pixel's brightness, or else background."""

    known: tuple[int, ...] = (LVBP, LVMYO, RVBP, LABP, RABP)

    def forward(self, images: torch.Tensor, views: torch.Tensor) -> torch.Tensor:
        shares = torch.full((len(images), CLASSES, *images.shape[1:]), 1e-12)
        shares[:, LVBP], shares[:, 0] = images.clamp(1e-6, 1), (1 - images).clamp(1e-6, 1)
        return shares.log()


def nowhere(count):
    """Places of pictures of which no file says how they lie in the scanner."""
    affines = torch.eye(4, dtype=torch.float64).expand(count, 4, 4)
    numbers = torch.zeros(count)
    return Places(numbers.long(), numbers, numbers, affines, numbers, numbers.bool())


def own(brightness, masks=None, view=SA, annotated=()):
    """Pictures of one shade for each frame before, at and after; masks of the same size."""
    images = torch.tensor(brightness)[:, :, None, None].expand(-1, -1, 32, 32).half()
    count = len(images)
    told = torch.full((count, 32, 32), NOT_ANNOTATED, dtype=torch.uint8) if masks is None else masks
    known = torch.zeros(count, CLASSES, dtype=torch.bool)
    known[:, [0, *annotated]] = True
    return OwnPictures(images, torch.full((count,), view), told, known, nowhere(count))


def told(*rows):
    """One mask whose upper left corner has these classes; nothing is annotated elsewhere."""
    result = torch.full((1, 32, 32), NOT_ANNOTATED, dtype=torch.uint8)
    result[0, 12, 12 : 12 + len(rows)] = torch.tensor(rows, dtype=torch.uint8)
    return result


def test_drawings_are_means_over_frames():
    """0.25 x 0.2 + 0.5 x 0.8 + 0.25 x 0.4 = 0.55, turned or not."""
    drawn = mean_drawing(Teacher(), own([[0.2, 0.8, 0.4]]))
    assert float(drawn[0, LVBP, 16, 16]) == pytest.approx(0.55, abs=1e-3)
    assert torch.allclose(drawn.sum(dim=1), torch.ones(1, 32, 32), atol=1e-4)


def test_classes_that_a_view_does_not_have_are_never_drawn():
    drawn = mean_drawing(Contours(SMALL).eval(), cohort(1).part(torch.tensor([0])))
    assert drawn[:, [LABP, RABP]].max() == 0


@pytest.mark.parametrize(("sure", "share"), [(0.6, 1.0), (0.95, 0.0)])
def test_only_pixels_of_which_the_teacher_is_sure_count(sure, share):
    _, weight = targets(Teacher(), own([[0.9, 0.9, 0.9]]), sure)
    assert float(weight[0, 12:20, 12:20].mean()) == share


def test_a_structure_that_the_network_does_not_know_is_not_learnt_from():
    teacher = Teacher()
    teacher.known = (LVMYO, RVBP)
    _, weight = targets(teacher, own([[0.99, 0.99, 0.99]]), 0.9)
    assert float(weight[0, 16, 16]) == 0
    _, weight = targets(teacher, own([[0.99, 0.99, 0.99]], masks=told(LVBP), annotated=[LVBP]), 0.9)
    assert float(weight[0, 12, 12]) == 1  # a mask says so


def test_what_a_pixel_can_be_given_its_mask():
    """A 2-chamber mask of the atrium alone, as such masks are delivered: background may be LV cavity or wall."""
    allowed = possible_classes(own([[0.5] * 3], told(LABP, 0, NOT_ANNOTATED), TWO_CHAMBER, [LABP]))
    of = [set(torch.nonzero(allowed[0, :, 12, column])[:, 0].tolist()) for column in (12, 13, 14)]
    assert of == [{LABP}, {0, LVBP, LVMYO}, {0, LVBP, LVMYO, LABP}]
    whole = possible_classes(own([[0.5] * 3], told(0), SA, [LVBP, LVMYO, RVBP]))
    assert torch.nonzero(whole[0, :, 12, 12])[:, 0].tolist() == [0]


def test_masks_outdo_the_teacher_and_what_is_not_annotated_is_left_to_it():
    """The teacher is sure (0.99) of LV cavity everywhere; the mask has wall, background, and nothing."""
    pictures = own([[0.99] * 3], told(LVMYO, 0, NOT_ANNOTATED), SA, [LVBP, LVMYO, RVBP])
    target, weight = targets(Teacher(), pictures, 0.9)
    assert target[0, :, 12, 12:15].argmax(dim=0).tolist() == [LVMYO, 0, LVBP]
    assert target[0, [LVMYO, 0], 12, [12, 13]].tolist() == [1, 1]
    assert weight[0, 12, 12:15].tolist() == [1, 1, 1]


def test_a_mask_without_a_structure_leaves_it_to_the_teacher():
    """Where such a mask has background, the teacher's LV stays; of two classes left, shares are 0.8 and 0.2."""
    pictures = own([[0.8] * 3], told(0), TWO_CHAMBER, [LABP])
    target, _ = targets(Teacher(), pictures, 0.5)
    assert target[0, [LVBP, 0, LABP], 12, 12].tolist() == pytest.approx([0.8, 0.2, 0], abs=2e-3)


def test_the_loss_by_hand():
    """Two pixels of three classes: the first is class 1 and drawn so with 0.5 of 0.25, 0.5, 0.25; the second does not
    count. Cross-entropy log 2; Dice 2 x 0.5 / (0.5 + 1) = 2/3.
    """
    logits = torch.tensor([0.25, 0.5, 0.25]).log().view(1, 3, 1, 1).expand(1, 3, 1, 2)
    target = torch.zeros(1, 3, 1, 2)
    target[:, 1] = 1
    weight = torch.tensor([[[1.0, 0.0]]])
    assert float(soft_loss(logits, target, weight)) == pytest.approx(math.log(2) + 1 / 3)


def test_nothing_is_learnt_where_nothing_is_sure():
    logits = torch.randn(2, CLASSES, 4, 4, requires_grad=True)
    loss = soft_loss(logits, torch.rand(2, CLASSES, 4, 4), torch.zeros(2, 4, 4))
    loss.backward()
    assert loss.item() == 0
    assert torch.equal(logits.grad, torch.zeros_like(logits))


class Synthetic:
    """The same pictures in each batch."""

    def batches(self, size, steps):
        random = torch.Generator().manual_seed(4)
        for _ in range(steps):
            images = torch.rand(size, GRID, GRID, generator=random)
            yield images, torch.zeros(size, dtype=torch.long), (images > 0.5).long()


def cohort(seed):
    random = torch.Generator().manual_seed(seed)
    images = torch.rand(3, 3, GRID, GRID, generator=random).half()
    told = torch.full((3, GRID, GRID), NOT_ANNOTATED, dtype=torch.uint8)
    known = torch.zeros(3, CLASSES, dtype=torch.bool)
    known[:, 0] = True
    return OwnPictures(images, torch.tensor([0, 1, 3]), told, known, nowhere(3))


def weights(network):
    return torch.cat([part.detach().flatten() for part in network.parameters()])


@pytest.fixture(scope="module")
def start():
    torch.manual_seed(1)
    return Contours(SMALL).eval()


def test_without_a_sure_pixel_it_learns_from_synthetic_pictures_alone(start):
    found = [weights(adapt(start, cohort(seed), Synthetic(), Course(2, 2, 1.1, 3, "none"))) for seed in (1, 2)]
    assert torch.equal(*found)
    assert not torch.equal(found[0], weights(start))
    sure = [weights(adapt(start, cohort(seed), Synthetic(), Course(2, 2, 0.0, 3, "none"))) for seed in (1, 2)]
    assert not torch.equal(*sure)
    assert not torch.equal(sure[0], found[0])


def test_the_seed_decides_everything_and_the_start_is_left_as_it_is(start):
    before = weights(start).clone()
    found = [weights(adapt(start, cohort(1), Synthetic(), Course(2, 2, 0.0, seed, "none"))) for seed in (3, 3, 4)]
    assert torch.equal(found[0], found[1])
    assert not torch.equal(found[0], found[2])
    assert torch.equal(weights(start), before)


def test_the_teacher_is_the_students_running_mean(start, monkeypatch):
    students = []
    real = adapting.approach

    def approach(mean, model, share):
        students.append(weights(model))
        real(mean, model, share)

    monkeypatch.setattr(adapting, "approach", approach)
    found = adapt(start, cohort(1), Synthetic(), Course(2, 2, 0.0, 3, "none"))
    first = 0.99 * weights(start) + 0.01 * students[0]
    assert torch.allclose(weights(found), 0.99 * first + 0.01 * students[1], atol=1e-7)
    assert (students[1] - students[0]).abs().max() > 1e-6
    assert not found.training


def test_pictures_and_labels_are_moved_alike():
    """A label that is the picture itself stays the picture; recoloured ones are other pictures in [0, 1]."""
    images = torch.rand(4, 32, 32, generator=torch.Generator().manual_seed(1))
    moved, labels = Disguise(5).move(images, images[:, None])
    assert torch.equal(moved, labels[:, 0])
    assert not torch.allclose(moved, images, atol=0.1)
    recoloured = Disguise(5).recolour(images)
    assert recoloured.shape == images.shape
    assert 0 <= float(recoloured.min()) < float(recoloured.max()) <= 1
    assert not torch.allclose(recoloured, images, atol=0.1)

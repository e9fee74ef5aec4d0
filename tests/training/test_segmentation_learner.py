"""What the segmentation's learner gives to its loss, when, and which numbers it judges by."""

import pytest
import torch
from torch import Tensor, nn

from training import toy
from vita.mask_classes import NOT_ANNOTATED
from vita.models.segmenter import segmentation_loss
from vita.training.segmentation import SegmentationLearner
from vita.training.settings import read_settings

STRUCTURES = ["LVBP", "LVMYO", "RVBP", "LABP", "RABP"]


class Fixed(nn.Module):
    """Stands for a segmenter: logits that do not depend on the image."""

    def __init__(self, logits: Tensor) -> None:
        super().__init__()
        self.logits = logits

    def forward(self, images: Tensor, frames: Tensor | None = None) -> Tensor:
        return self.logits if frames is None else self.logits[:, :, :, frames]


def learner_of(logits: Tensor, frames: int = 4, **stage) -> SegmentationLearner:
    """A learner with a decoder of `frames` channels for single frames; 0: with the published decoder."""
    blocks = toy.blocks(model={"segmenter_frames": frames}, **stage)
    learner = SegmentationLearner(Fixed(logits), read_settings("stage3", blocks), False)
    learner.steps_per_epoch = 4
    return learner


@pytest.fixture
def batch() -> dict[str, Tensor]:
    torch.manual_seed(0)
    return {"images": torch.rand(2, 9, 5, 8, 8), "masks": torch.randint(0, 6, (2, 9, 5, 8, 8), dtype=torch.uint8)}


def test_a_training_step_draws_one_of_the_frames(batch) -> None:
    """The others have neither a part in the loss nor a gradient; over the steps, each of the five has its turn."""
    logits = torch.randn(2, 6, 9, 5, 8, 8, requires_grad=True)
    learner, turns = learner_of(logits), set()
    for seed in range(50):
        logits.grad = None
        found = learner.training_loss(batch, torch.Generator().manual_seed(seed))
        found.backward()
        (frame,) = logits.grad.abs().sum(dim=(0, 1, 2, 4, 5)).nonzero().flatten().tolist()
        assert found == segmentation_loss(logits[:, :, :, [frame]], batch["masks"][:, :, [frame]])
        turns.add(frame)
    assert turns == set(range(5))


def test_a_step_with_the_published_decoder_draws_all_frames(batch) -> None:
    logits = torch.randn(2, 6, 9, 5, 8, 8, requires_grad=True)
    learner_of(logits, frames=0).training_loss(batch, torch.Generator()).backward()
    assert logits.grad.abs().sum(dim=(0, 1, 2, 4, 5)).all()


def test_validation_has_the_loss_of_all_frames(batch) -> None:
    logits = torch.randn(2, 6, 9, 5, 8, 8)
    expected = segmentation_loss(logits, batch["masks"])
    assert learner_of(logits).validation_values(batch, torch.Generator())["loss"].tolist() == [expected.item()] * 2


def test_dice_alone_is_the_loss_where_it_is_asked_for(batch) -> None:
    logits = torch.randn(2, 6, 9, 5, 8, 8)
    learner = learner_of(logits, frames=0, loss="dice")
    expected = segmentation_loss(logits, batch["masks"], "dice")
    assert torch.equal(learner.training_loss(batch, torch.Generator()), expected)
    assert learner.validation_values(batch, torch.Generator())["loss"][0] == expected


def test_dice_of_each_structure_stands_under_its_name() -> None:
    """Structure k, 1 to 5, covers 6 pixels of a row of its own, of which k are drawn."""
    masks, drawn = torch.zeros(1, 9, 5, 8, 8, dtype=torch.uint8), torch.zeros(1, 9, 5, 8, 8, dtype=torch.long)
    for number in range(1, 6):
        masks[..., number, :6] = number
        drawn[..., number, :number] = number
    masks[:, 1] = NOT_ANNOTATED  # counts nowhere
    drawn[:, 1] = 3
    learner = learner_of(nn.functional.one_hot(drawn, 6).movedim(-1, 1).float())
    batch = {"images": torch.zeros(1, 9, 5, 8, 8), "masks": masks}
    values = learner.validation_values(batch, torch.Generator())
    found = learner.summary(values)
    expected = {f"dice_{name}": 2 * k / (k + 6) for k, name in enumerate(STRUCTURES, 1)}
    assert {name: value for name, value in found.items() if name != "val_loss"} == pytest.approx(expected)
    assert learner.metric(values, found) == pytest.approx(-sum(expected.values()) / 5)

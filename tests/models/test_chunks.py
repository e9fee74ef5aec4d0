import pytest
import torch

from vita.models.alignment import Alignment, clip_loss
from vita.models.chunks import in_chunks
from vita.models.masking import random_order
from vita.models.settings import ModelSettings

SMALL = ModelSettings(size=32, patch=(5, 8, 8), width=33, heads=3, depth=2, projection=16)


def _step(settings: ModelSettings, chunk: int) -> tuple[float, list[torch.Tensor], int]:
    """Loss, gradients, and bytes that autograd keeps from the forward pass."""
    torch.manual_seed(0)
    model, order = Alignment(settings, 3, 1, [4]), random_order(10, 144)
    images, numbers, classes = torch.rand(10, 9, 5, 32, 32), torch.randn(10, 3), torch.randint(0, 2, (10, 2))
    kept: list[int] = []

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        kept.append(tensor.nbytes)
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        loss = clip_loss(*model(images, numbers, classes, order, 72, chunk), 0.1, 0.5)
    loss.backward()
    return loss.item(), [parameter.grad for parameter in model.parameters()], sum(kept)


@pytest.mark.parametrize("chunk", [1, 4, 10])
def test_loss_and_gradients_are_those_of_the_whole_batch(chunk):
    loss, gradients, _ = _step(SMALL, 0)
    chunked_loss, chunked_gradients, _ = _step(SMALL, chunk)
    assert abs(loss - chunked_loss) < 1e-5
    assert all(torch.allclose(a, b, atol=1e-5) for a, b in zip(gradients, chunked_gradients, strict=True))


def test_activations_are_not_kept():
    images = 10 * 9 * 5 * 32 * 32 * 4  # bytes of the batch itself, which has to be there
    assert _step(SMALL, 2)[2] - images < 0.05 * (_step(SMALL, 0)[2] - images)


def test_dropout_is_repeated_when_a_chunk_is_computed_again():
    # The gradient of sum(dropout(x w)) at w = 1 is that sum, if the mask is the same.
    weight, x = torch.ones(1, requires_grad=True), torch.rand(64, 1)
    out = in_chunks(lambda part: torch.nn.functional.dropout(part * weight, 0.5, training=True), 4, x)
    out.sum().backward()
    assert torch.allclose(weight.grad, out.detach().sum())


def test_no_gradients_no_recomputation():
    with torch.no_grad():
        assert torch.equal(in_chunks(lambda x: x + 1, 3, torch.arange(8.0)), torch.arange(8.0) + 1)

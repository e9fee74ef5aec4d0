"""Stage II's loss over two processes, and in chunks, against one process with the whole batch."""

from pathlib import Path
from typing import Any

import pytest
import torch
import torch.distributed as dist
import torch.multiprocessing as mp
from torch import Tensor

from training import toy
from vita.models.alignment import Alignment, clip_loss
from vita.models.settings import ModelSettings
from vita.models.tokens import random_order
from vita.training.alignment import AlignmentLearner
from vita.training.settings import read_settings

BATCH, CHUNKS = 8, (0, 3)


def learner(model: dict[str, Any] | None = None, **stage: Any) -> AlignmentLearner:
    torch.manual_seed(0)
    sizes = ModelSettings.from_dict(toy.MODEL | (model or {}))
    settings = read_settings("stage3", toy.blocks(**({"mask_ratio": 0.0} | stage)))
    return AlignmentLearner(Alignment(sizes, 3, 1, [4]), settings)


def batch() -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(1)
    images = torch.rand(BATCH, 9, 5, toy.SIZE, toy.SIZE, generator=generator)
    classes = torch.randint(0, 2, (BATCH, 2), generator=generator)
    return {"images": images, "numbers": torch.randn(BATCH, 3, generator=generator), "classes": classes}


def loss_and_gradients(own: AlignmentLearner, part: dict[str, Tensor]) -> tuple[Tensor, list[Tensor]]:
    loss = own.training_loss(part, torch.Generator().manual_seed(2))
    loss.backward()
    return loss.detach(), [parameter.grad for parameter in own.model.parameters()]


def work(rank: int, folder: str) -> None:
    torch.set_num_threads(1)
    dist.init_process_group("gloo", f"file://{folder}/rendezvous", rank=rank, world_size=2)
    part = {name: tensor[rank::2] for name, tensor in batch().items()}
    for chunk in CHUNKS:
        loss, gradients = loss_and_gradients(learner(chunk=chunk), part)
        for gradient in gradients:  # as DDP does
            dist.all_reduce(gradient)
            gradient /= 2
        torch.save((loss, gradients), Path(folder) / f"{rank}_{chunk}.pt")
    dist.destroy_process_group()


def assert_same(one: tuple[Tensor, list[Tensor]], other: tuple[Tensor, list[Tensor]]) -> None:
    assert torch.allclose(one[0], other[0], atol=1e-5)
    for first, second in zip(one[1], other[1], strict=True):
        assert torch.allclose(first, second, atol=1e-5)


def test_two_processes_are_one_large_batch(tmp_path):
    mp.spawn(work, (str(tmp_path),), nprocs=2)
    whole = loss_and_gradients(learner(), batch())
    for rank in (0, 1):
        for chunk in CHUNKS:
            assert_same(whole, torch.load(tmp_path / f"{rank}_{chunk}.pt"))


@pytest.mark.parametrize("chunk", [1, 3, 4])
def test_chunks_have_the_gradients_of_the_whole_batch(chunk):
    masked = {"mask_ratio": 0.5}
    whole = loss_and_gradients(learner(**masked), batch())
    assert_same(whole, loss_and_gradients(learner(chunk=chunk, **masked), batch()))


def test_dropout_is_the_same_when_a_chunk_is_computed_again():
    """Against each chunk's own graph, kept, from the same random numbers."""
    own, whole = learner(chunk=3, model={"dropout": 0.5}), batch()
    order = random_order(BATCH, own.tokens, torch.Generator().manual_seed(2))
    parts = zip(*(tensor.split(3) for tensor in (*whole.values(), order)), strict=True)
    torch.manual_seed(5)
    image, table = (torch.cat(rows) for rows in zip(*(own.model(*part, own.keep) for part in parts), strict=True))
    loss = clip_loss(image, table, 0.1, 0.5)
    loss.backward()
    kept = [parameter.grad.clone() for parameter in own.model.parameters()]
    own.zero_grad()
    torch.manual_seed(5)
    assert_same((loss, kept), loss_and_gradients(own, whole))


def test_activations_of_chunks_are_not_kept():
    """What autograd holds between the forward and the backward pass, beside the batch itself."""
    whole = batch()

    def held_bytes(chunk: int) -> int:
        held: list[int] = []

        def hold(tensor: Tensor) -> Tensor:
            held.append(tensor.nbytes)
            return tensor

        with torch.autograd.graph.saved_tensors_hooks(hold, lambda tensor: tensor):
            learner(chunk=chunk).training_loss(whole, torch.Generator().manual_seed(2))
        return sum(held) - sum(tensor.nbytes for tensor in whole.values())

    assert held_bytes(2) < 0.05 * held_bytes(0)

"""Stage II's loss over two processes, and in chunks, against one process with the whole batch."""

from pathlib import Path

import pytest
import torch
import torch.distributed as dist
import torch.multiprocessing as mp
from torch import Tensor

from training import toy
from vita.models.alignment import Alignment
from vita.models.settings import ModelSettings
from vita.training.alignment import AlignmentLearner
from vita.training.settings import read_settings

BATCH = 8


def learner(**stage) -> AlignmentLearner:
    torch.manual_seed(0)
    settings = read_settings(toy.blocks(mask_ratio=0.0, **stage))
    return AlignmentLearner(Alignment(ModelSettings.from_dict(toy.MODEL), 3, 1, [4]), settings)


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
    loss, gradients = loss_and_gradients(learner(), part)
    for gradient in gradients:  # as DDP does
        dist.all_reduce(gradient)
        gradient /= 2
    torch.save((loss, gradients), Path(folder) / f"{rank}.pt")
    dist.destroy_process_group()


def test_two_processes_are_one_large_batch(tmp_path):
    mp.spawn(work, (str(tmp_path),), nprocs=2)
    loss, gradients = loss_and_gradients(learner(), batch())
    for rank in (0, 1):
        other_loss, others = torch.load(tmp_path / f"{rank}.pt")
        assert torch.allclose(loss, other_loss, atol=1e-5)
        for first, second in zip(gradients, others, strict=True):
            assert torch.allclose(first, second, atol=1e-5)


@pytest.mark.parametrize("chunk", [1, 3, 4])
def test_chunks_have_the_gradients_of_the_whole_batch(chunk):
    loss, gradients = loss_and_gradients(learner(), batch())
    other_loss, others = loss_and_gradients(learner(chunk=chunk), batch())
    assert torch.allclose(loss, other_loss, atol=1e-6)
    for first, second in zip(gradients, others, strict=True):
        assert torch.allclose(first, second, atol=1e-5)

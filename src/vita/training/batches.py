"""Batches of samples: in training, their order is a function of seed and epoch; otherwise it is that of the samples."""

import hashlib
from collections.abc import Callable, Iterator

import torch
from torch import Tensor
from torch.utils.data import DataLoader

from vita.runtime.errors import UserError
from vita.training.data import Batch, Samples

_SECTIONS = 6  # stream of random numbers


class TrainingOrder:
    """Batches of an epoch as a function of seed and epoch, so that a resumed run sees the same ones.

    Args:
        participants: how many there are.
        batch: participants of a step over all ranks; an incomplete last batch of an epoch is dropped.
        seed: of the order.
        weights: (participants,) probabilities of drawing with replacement; without them, each participant is drawn once
            an epoch.
        key: key of the batch size in the configuration, for the error message.

    Raises:
        UserError: the batch is larger than the split.
    """

    def __init__(
        self, participants: int, batch: int, seed: int, weights: Tensor | None = None, key: str = "batch"
    ) -> None:
        if batch > participants:
            raise UserError(
                f"config: '{key}' is {batch}, but 'split.val' and 'split.test' leave {participants} participants to "
                "train on; lower the first"
            )
        self.participants, self.batch, self.seed, self.weights = participants, batch, seed, weights
        self.steps = participants // batch

    def epoch(self, epoch: int) -> list[list[int]]:
        """Rows of each batch."""
        generator = torch.Generator().manual_seed(mixed_seed(self.seed, epoch))
        if self.weights is None:
            order = torch.randperm(self.participants, generator=generator)
        else:
            order = torch.multinomial(self.weights, self.participants, replacement=True, generator=generator)
        return order[: self.steps * self.batch].view(self.steps, self.batch).tolist()


class TrainingBatches:
    """An iterable, without a length, over the remaining batches of the epoch in which `position` is.

    Args:
        samples: of the training split.
        order: of the batches.
        position: gives the number of steps done.
        workers: reading processes.
        rank: number of this process among `ranks`, each of which takes its share of every batch.
        ranks: number of processes that train together.
    """

    def __init__(
        self,
        samples: Samples,
        order: TrainingOrder,
        position: Callable[[], int],
        workers: int = 0,
        rank: int = 0,
        ranks: int = 1,
    ) -> None:
        self.samples, self.order, self.position = samples, order, position
        self.workers, self.rank, self.ranks = workers, rank, ranks

    def __iter__(self) -> Iterator[Batch]:
        epoch, done = divmod(self.position(), self.order.steps)
        generator = torch.Generator().manual_seed(mixed_seed(self.order.seed, epoch, _SECTIONS))
        batches = self.order.epoch(epoch)
        drawn = iter(self.samples.sections.draw(sum(map(len, batches)), generator).tolist())
        pairs = [[(row, next(drawn)) for row in rows] for rows in batches]
        return iter(loader(self.samples, [batch[self.rank :: self.ranks] for batch in pairs[done:]], self.workers))


def loader(samples: Samples, batches: list[list[tuple[int, int]]], workers: int = 0) -> DataLoader[Batch]:
    """A loader of given batches of rows and sections; the samples of a batch are read together, not one by one."""
    return DataLoader(
        samples,
        sampler=batches,
        batch_size=None,
        num_workers=workers,
        pin_memory=torch.cuda.is_available(),
    )


def in_order(samples: Samples, batch: int, workers: int = 0, section: int | None = None) -> DataLoader[Batch]:
    """A loader of all participants, in their order.

    Args:
        samples: participants.
        batch: participants of a batch.
        workers: reading processes.
        section: place in `sections.in_turn` of the section to take; with None, participants take the sections in turn.
    """
    count = len(samples.sections.in_turn)
    pairs = [(row, row % count if section is None else section) for row in range(len(samples))]
    return loader(samples, [pairs[start : start + batch] for start in range(0, len(pairs), batch)], workers)


def mixed_seed(*numbers: int) -> int:
    """A seed from several numbers (seed, epoch, step, ...): a hash, so that the seeds of neighbours are unrelated."""
    data = ",".join(map(str, numbers)).encode()
    return int.from_bytes(hashlib.blake2b(data, digest_size=8).digest(), "big") >> 1

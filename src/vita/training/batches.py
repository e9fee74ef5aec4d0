"""Batches of samples: their order in training as a function of seed and epoch, and plain order otherwise."""

import hashlib
from collections.abc import Callable, Iterable, Iterator

import torch
from torch import Tensor
from torch.utils.data import DataLoader

from vita.runtime.errors import UserError
from vita.training.data import Batch, Samples

_READING = 3  # stream of random numbers; a learner has its own two


class TrainingOrder:
    """Batches of an epoch as a function of seed and epoch, so that a resumed run sees the same ones.

    Args:
        participants: how many there are.
        batch: participants of a step over all ranks; the last, smaller batch of an epoch is dropped.
        seed: of the order.
        weights: (participants,) drawn with replacement by these; without, each once an epoch.
        key: of the batch in the configuration, for the error.

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


class Rows(list[int]):
    """Rows of a training batch.

    Attributes:
        seed: of what is drawn while they are read; a function of the run's seed and the step.
    """

    def __init__(self, rows: Iterable[int], seed: int) -> None:
        super().__init__(rows)
        self.seed = seed

    def __reduce__(self) -> tuple[type["Rows"], tuple[list[int], int]]:
        """For the processes that read samples."""
        return Rows, (list(self), self.seed)


class TrainingBatches:
    """Iterable over the batches that are left of the epoch in which `position` is; without length.

    Args:
        samples: of the training split.
        order: of the batches.
        position: gives the number of steps done.
        workers: reading processes.
        rank: number of this process among `ranks`; each takes its share of every batch.
        ranks: processes that train together.
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
        rows: list[list[int]] = [
            Rows(batch[self.rank :: self.ranks], mixed_seed(self.order.seed, _READING, epoch, number))
            for number, batch in enumerate(self.order.epoch(epoch)[done:], done)
        ]
        return iter(loader(self.samples, rows, self.workers))


def loader(samples: Samples, batches: list[list[int]], workers: int = 0) -> DataLoader[Batch]:
    """A loader of given batches; rows are read together, not one by one."""
    return DataLoader(
        samples,
        sampler=batches,
        batch_size=None,
        num_workers=workers,
        pin_memory=torch.cuda.is_available(),
    )


def in_order(samples: Samples, batch: int, workers: int = 0) -> DataLoader[Batch]:
    """A loader of all participants, in their order."""
    rows = list(range(len(samples)))
    return loader(samples, [rows[start : start + batch] for start in range(0, len(rows), batch)], workers)


def mixed_seed(*numbers: int) -> int:
    """A seed from several numbers (seed, epoch, step, ...): a hash, so that neighbours are unrelated."""
    data = ",".join(map(str, numbers)).encode()
    return int.from_bytes(hashlib.blake2b(data, digest_size=8).digest(), "big") >> 1

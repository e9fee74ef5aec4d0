"""Frames of segmentation: drawn in training so that the frame number says nothing, and complete when masks are made."""

import random
from collections.abc import Sequence

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from vita.images.shards import ShardReader
from vita.models.settings import ModelSettings, Sampling
from vita.training.batches import mixed_seed
from vita.training.data import Batch, Samples, even_frames

# Shares of the draws. A segmenter that always sees end-diastole first learns a beat by heart and draws it on hearts
# that stand still; one that sees every order, and no motion at all, has to look at the image.
ANY_START, STILL, IRREGULAR = 0.5, 0.2, 0.2  # the rest is reversed


def draw_frames(available: int, wanted: int, sampling: Sampling, chance: random.Random) -> list[int]:
    """Frames of one training sample.

    Half of the draws are even frames from a random start; a fifth is one frame again and again, as of a heart that
    stands still; a fifth is any frames in their order; a tenth is even frames backwards from a random start.
    """
    kind, start = chance.random(), chance.randrange(available)
    from_start = [(frame + start) % available for frame in even_frames(available, wanted, sampling)]
    if kind < ANY_START:
        return from_start
    if kind < ANY_START + STILL:
        return [start] * wanted
    if kind < ANY_START + STILL + IRREGULAR:
        return sorted(chance.sample(range(available), wanted))
    return from_start[::-1]


def frame_sets(available: int, wanted: int, sampling: Sampling) -> list[list[int]]:
    """Frames of each pass: evenly over the cycle, then shifted, as little as possible, until every frame was taken."""
    start = even_frames(available, wanted, sampling)
    gap = int(max(np.diff([*start, available])))
    shifts = sorted(range(-((gap - 1) // 2), gap // 2 + 1), key=abs)
    return [[(frame + shift) % available for frame in start] for shift in shifts]


class WholeCycles(Samples):
    """Samples with masks of all frames of the cycle, to make masks of."""

    @classmethod
    def of(cls, reader: ShardReader, split: pd.Series, name: str, model: ModelSettings) -> "WholeCycles":
        """A split's samples, read as they are needed."""
        return cls(reader, split, [name], "predict", model, cache_mb=0, masks=True)

    def _check_shape(self, model: ModelSettings) -> list[int]:
        super()._check_shape(model)
        return list(range(self.reader.stored(int(self.eids[0])).shape[1]))


class DrawnFrames(Samples):
    """Samples with masks whose frames are drawn anew in every step.

    A batch without a seed of its own, as in validation, has for each participant the same draw every time.
    """

    def _check_shape(self, model: ModelSettings) -> list[int]:
        super()._check_shape(model)
        self._sizes = model
        return list(range(self.reader.stored(int(self.eids[0])).shape[1]))

    def __getitem__(self, rows: Sequence[int]) -> Batch:
        """As of `Samples`, each participant with frames of its own."""
        seed = getattr(rows, "seed", 0)
        images, masks = zip(*(self._drawn(int(row), mixed_seed(seed, int(row))) for row in rows), strict=True)
        index = torch.as_tensor(list(rows))
        batch = {"images": torch.stack(images).float(), "masks": torch.stack(masks)}
        return batch | {name: tensor[index] for name, tensor in self.extra.items()}

    def _drawn(self, row: int, seed: int) -> tuple[Tensor, Tensor]:
        sizes = self._sizes
        frames = draw_frames(len(self.frames), sizes.frames, sizes.sampling, random.Random(seed))
        if self._images is not None and self._masks is not None:
            return self._images[row][:, frames], self._masks[row][:, frames]
        eid = int(self.eids[row])
        images = self.reader.voxels(eid, frames)[self.planes]
        masks = self.reader.masks(eid, frames)[self.planes]
        return torch.from_numpy(images).half(), torch.from_numpy(np.ascontiguousarray(masks))

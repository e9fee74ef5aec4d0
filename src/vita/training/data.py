"""The samples of a split, kept in memory if they fit."""

import copy
import logging
from collections.abc import Callable, Sequence
from typing import Literal, Protocol

import numpy as np
import pandas as pd
import torch
from torch import Tensor
from torch.utils.data import Dataset

from vita.images.shards import ShardReader
from vita.models.settings import WHOLE_HEART, ModelSettings
from vita.runtime import fingerprint
from vita.runtime.errors import UserError
from vita.training.sections import SectionChoice, Sections, sections_of

log = logging.getLogger(__name__)

Batch = dict[str, Tensor]
_MB = 1e6


def planes_seen(model: ModelSettings) -> slice:
    """Planes of the whole heart that the model sees: all of them, or those of its only view."""
    seen = [plane for plane, view in enumerate(WHOLE_HEART) if view in model.view_of_plane]
    return slice(seen[0], seen[-1] + 1)


class People(Protocol):
    """Participants in order and the split of each, with or without their images."""

    eids: np.ndarray
    split: pd.Series

    def __len__(self) -> int: ...


class Samples(Dataset[Batch]):
    """Participants of some splits with their images, their masks if requested, and further tensors.

    Images are float16 (in [0, 1], with a resolution of at most 0.0005) and are kept in memory if they fit.

    Args:
        reader: shards.
        split: of every participant, from `vita.cohort.split_table`.
        names: splits to take.
        purpose: "fit" refuses the test split.
        model: sizes; frames and crop must fit the shards.
        cache_mb: keep images in memory up to this size.
        masks: read masks too.
        choice: which sections of the cycle a sample may come from.
    """

    def __init__(
        self,
        reader: ShardReader,
        split: pd.Series,
        names: Sequence[str],
        purpose: Literal["fit", "predict"],
        model: ModelSettings,
        cache_mb: int = 1500,
        masks: bool = False,
        choice: SectionChoice = "one",
    ) -> None:
        if purpose == "fit" and "test" in names:
            raise UserError("training may not see the participants of the test split; ask for train or val")
        self.reader, self.with_masks, self.purpose = reader, masks, purpose
        self.split = split[split.isin(list(names))]
        if purpose == "fit":
            assert not set(self.split) & {"test"}
        self.eids = self.split.index.to_numpy(np.int64)
        self._refuse_missing(names)
        self.planes = planes_seen(model)
        self.choice, self.sections = choice, self._check_shape(model, choice)
        # in training, the sections that may be drawn; in prediction, those that are averaged
        used = self.sections.every if purpose == "fit" else self.sections.in_turn
        self.stored = sorted({frame for section in used for frame in section})
        self._place = {frame: place for place, frame in enumerate(self.stored)}
        self.extra: Batch = {}
        self._images: Tensor | None = None
        self._masks: Tensor | None = None
        self._cache(cache_mb)

    def __len__(self) -> int:
        return len(self.eids)

    @property
    def frames(self) -> list[int]:
        """Frames of the first section."""
        return self.sections.in_turn[0]

    def __getitem__(self, places: Sequence[tuple[int, int]]) -> Batch:
        """A batch: `images` as float32, `masks` if requested, and the extra tensors, all with participants first.

        Args:
            places: the row of each participant and the place of the section in `sections.every`.
        """
        chosen = [(row, self.sections.every[section]) for row, section in places]
        batch = {"images": self._take(self._images, chosen, self._read_images).float()}
        if self.with_masks:
            batch["masks"] = self._take(self._masks, chosen, self._read_masks)
        index = torch.tensor([row for row, _ in places], dtype=torch.long)
        return batch | {name: tensor[index] for name, tensor in self.extra.items()}

    def add(self, name: str, tensor: Tensor) -> None:
        """Add the rows of a further tensor (participants in the order of `eids`, ...) to every batch.

        Raises:
            ValueError: the number of rows is not that of the participants.
        """
        if len(tensor) != len(self):
            raise ValueError(f"{name} has {len(tensor)} rows for {len(self)} participants")
        self.extra[name] = tensor

    def subset(self, rows: np.ndarray) -> "Samples":
        """Some of the participants, whose images need not be read again if they are in memory."""
        index = torch.from_numpy(rows).long()
        found = copy.copy(self)
        found.eids, found.split = self.eids[rows], self.split.iloc[rows]
        found.extra = {name: tensor[index] for name, tensor in self.extra.items()}
        found._images = None if self._images is None else self._images[index]
        found._masks = None if self._masks is None else self._masks[index]
        return found

    def digest(self) -> str:
        """Digest of the participants, their voxels and their masks, computed from the checksums in the shards."""
        columns = [c for c in ("eid", "voxels_crc32", "masks_crc32") if c in self.reader.table]
        table = self.reader.table.set_index("eid", drop=False).loc[self.eids, columns]
        data = table.to_csv(index=False) + self.split.to_csv() + str(self.sections.drawn) + str(self.planes)
        return fingerprint.of_text(data)

    def _refuse_missing(self, names: Sequence[str]) -> None:
        if not len(self.eids):
            raise UserError(f"nobody is in the split {' or '.join(names)}; enlarge the cohort or that split")
        missing = sum(int(eid) not in self.reader for eid in self.eids)
        if missing:
            raise UserError(
                f"{missing} of {len(self.eids)} participants of the split have no usable images in the shards; "
                "the split and the shards come from different runs, make the split again"
            )

    def _check_shape(self, model: ModelSettings, choice: SectionChoice) -> Sections:
        planes, frames, height, width = self.reader.stored(int(self.eids[0])).shape
        planes = len(range(planes)[self.planes])
        if (planes, height, width) != (model.planes, model.size, model.size):
            raise UserError(
                f"the shards hold {planes} planes of {height} x {width} pixels, the model takes {model.planes} of "
                f"{model.size} x {model.size}; set 'images.size' and the model alike and rebuild"
            )
        return sections_of(frames, model.frames, model.sampling, choice)

    def _read_images(self, row: int, frames: Sequence[int]) -> Tensor:
        return torch.from_numpy(self.reader.voxels(int(self.eids[row]), frames)[self.planes]).half()

    def _read_masks(self, row: int, frames: Sequence[int]) -> Tensor:
        return torch.from_numpy(np.ascontiguousarray(self.reader.masks(int(self.eids[row]), frames)[self.planes]))

    def _cache(self, cache_mb: int) -> None:
        first = self._read_images(0, self.stored)
        bytes_each = first.numel() * (first.element_size() + int(self.with_masks))
        if len(self) * bytes_each > cache_mb * _MB:
            log.debug("samples (%.0f MB) are read when they are needed", len(self) * bytes_each / _MB)
            return
        self._images = torch.empty(len(self), *first.shape, dtype=first.dtype)
        self._masks = torch.empty(len(self), *first.shape, dtype=torch.uint8) if self.with_masks else None
        for row in range(len(self)):
            self._images[row] = self._read_images(row, self.stored)
            if self._masks is not None:
                self._masks[row] = self._read_masks(row, self.stored)

    def _take(
        self,
        cached: Tensor | None,
        chosen: Sequence[tuple[int, Sequence[int]]],
        read: Callable[[int, Sequence[int]], Tensor],
    ) -> Tensor:
        """(participants, plane, frame, height, width) of some rows and frames; there may be none."""
        if not chosen:
            return read(0, self.frames)[None][:0]
        if cached is None:
            return torch.stack([read(row, frames) for row, frames in chosen])
        if len(self.sections.every) == 1:
            return cached[torch.tensor([row for row, _ in chosen])]
        return torch.stack([cached[row][:, [self._place[frame] for frame in frames]] for row, frames in chosen])

"""Image vectors of temporal sections."""

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from vita.models.alignment import pool
from vita.models.image_encoder import ImageEncoder
from vita.training.data import Samples


@torch.inference_mode()
def encode_sections(encoder: ImageEncoder, samples: Samples, batch: int) -> np.ndarray:
    """Mean of the patch tokens of every participant and section.

    Args:
        encoder: on the device to compute on.
        samples: participants.
        batch: sections a pass.

    Returns:
        (participants, sections, width) float32.
    """
    device = encoder.class_token.device
    encoder.eval()
    sections = section_frames(samples.reader.stored(int(samples.eids[0])).shape[1], encoder.settings.frames)
    vectors = [pool(encoder(torch.stack(part).to(device))).float().cpu() for part in _parts(samples, sections, batch)]
    return torch.cat(vectors).view(len(samples), len(sections), -1).numpy()


def section_frames(available: int, wanted: int) -> list[list[int]]:
    """Frames of each section: consecutive, without overlap."""
    return [list(range(start, start + wanted)) for start in range(0, available - wanted + 1, wanted)]


def _parts(samples: Samples, sections: list[list[int]], batch: int) -> Iterator[list[Tensor]]:
    """Sections of one participant after the other, `batch` at a time, as (plane, time, height, width)."""
    part: list[Tensor] = []
    frames = [frame for section in sections for frame in section]
    for eid in samples.eids:
        cine = torch.from_numpy(samples.reader.voxels(int(eid), frames)[samples.planes])
        for section in cine.split(len(sections[0]), dim=1):
            part.append(section)
            if len(part) == batch:
                yield part
                part = []
    if part:
        yield part

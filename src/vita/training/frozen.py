"""Features of participants that no training of Stage III has touched: brightness, the table, a frozen encoder."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from vita.models.image_encoder import ImageEncoder
from vita.runtime.errors import UserError
from vita.training.batches import in_order
from vita.training.data import Samples

DEMOGRAPHICS = ("age", "sex", "standing_height", "weight")


def brightness(samples: Samples, batch: int) -> np.ndarray:
    """Mean of each plane in each frame that the systems see.

    Returns:
        (participants, planes x frames), float32.
    """
    parts = [part["images"].mean(dim=(3, 4)).flatten(1) for part in in_order(samples, batch)]
    return torch.cat(parts).numpy()


def demographics(fields: Path, eids: np.ndarray) -> np.ndarray:
    """Age, sex, height and weight of each participant.

    Returns:
        (participants, 4), NaN where unknown.

    Raises:
        UserError: the table of fields has none of the four columns.
    """
    table = pd.read_parquet(fields).set_index("eid")
    found = [name for name in DEMOGRAPHICS if name in table.columns]
    if not found:
        raise UserError(
            f"{fields} has none of {', '.join(DEMOGRAPHICS)}; without them leave the system `demographics` out: "
            "systems: {demographics: {tasks: []}}"
        )
    return table[found].reindex(eids).astype("Float64").to_numpy(dtype=np.float64, na_value=np.nan)


@torch.inference_mode()
def plane_tokens(encoder: ImageEncoder, samples: Samples, batch: int) -> np.ndarray:
    """Mean of the patch tokens of each plane, over all sections that cover the cycle.

    Args:
        encoder: frozen, on the device to compute on.
        samples: participants.
        batch: sections a pass.

    Returns:
        (participants, planes x width), float32.
    """
    device, sizes = encoder.class_token.device, encoder.settings
    encoder.eval()
    sections = sections_of(samples, encoder)
    found = []
    for part in section_batches(samples, sections, batch):
        tokens = encoder(part.to(device))[:, 1:].float()
        found.append(tokens.view(len(part), sizes.planes, -1, sizes.width).mean(dim=2).flatten(1).cpu())
    features: np.ndarray = torch.cat(found).view(len(samples), len(sections), -1).mean(dim=1).numpy()
    return features


def sections_of(samples: Samples, encoder: ImageEncoder) -> list[list[int]]:
    """Frames of the sections that cover the stored cycle, each as long as the encoder takes."""
    return consecutive_sections(samples.reader.stored(int(samples.eids[0])).shape[1], encoder.settings.frames)


def consecutive_sections(stored: int, wanted: int) -> list[list[int]]:
    """Frames of each section of the cycle: consecutive, without overlap; what is left at the end is in none."""
    return [list(range(start, start + wanted)) for start in range(0, stored - wanted + 1, wanted)]


def section_batches(samples: Samples, sections: Sequence[Sequence[int]], batch: int) -> Iterator[Tensor]:
    """Sections of one participant after the other, (sections, plane, time, height, width), `batch` at a time."""
    waiting: list[Tensor] = []
    frames = [frame for section in sections for frame in section]
    for eid in samples.eids:
        cine_sthw = torch.from_numpy(samples.reader.voxels(int(eid), frames)[samples.planes])
        waiting.extend(torch.split(cine_sthw, len(sections[0]), dim=1))
        while len(waiting) >= batch:
            yield torch.stack(waiting[:batch])
            waiting = waiting[batch:]
    if waiting:
        yield torch.stack(waiting)

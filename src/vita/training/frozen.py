"""Features that do not depend on any training of Stage III: brightness, table columns and a frozen encoder."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from vita.models.heads import pooled_by_plane
from vita.models.image_encoder import ImageEncoder
from vita.runtime.errors import UserError
from vita.training.batches import in_order
from vita.training.data import Samples

DEMOGRAPHICS = ("age", "sex", "standing_height", "weight")


def brightness(samples: Samples, batch: int) -> np.ndarray:
    """Mean of each plane in each frame that the systems see.

    Returns:
        (participants, sections x planes x frames), float32.
    """
    found = []
    for section in range(len(samples.sections.in_turn)):
        parts = [part["images"].mean(dim=(3, 4)).flatten(1) for part in in_order(samples, batch, section=section)]
        found.append(torch.cat(parts))
    return torch.cat(found, dim=1).numpy()


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
    values: np.ndarray = table[found].reindex(eids).astype("Float64").to_numpy(dtype=np.float64, na_value=np.nan)
    return values


@torch.inference_mode()
def plane_tokens(encoder: ImageEncoder, samples: Samples, batch: int) -> np.ndarray:
    """Mean of the patch tokens of each plane, over the sections that predictions are averaged over.

    Args:
        encoder: frozen, on the device to compute on.
        samples: participants.
        batch: sections per pass.

    Returns:
        (participants, planes x width), float32.
    """

    def features(images: Tensor) -> Tensor:
        return pooled_by_plane(encoder(images), encoder.settings.planes)

    return mean_over_sections(features, encoder.eval(), samples, batch).numpy()


@torch.no_grad()
def mean_over_sections(
    function: Callable[[Tensor], Tensor], model: nn.Module, samples: Samples, batch: int, workers: int = 0
) -> Tensor:
    """Mean of a function of images over the sections that predictions are averaged over.

    Args:
        function: of images (batch, plane, time, height, width) on the model's device.
        model: the model, on whose device the function is computed.
        samples: participants.
        batch: participants per pass.
        workers: reading processes.

    Returns:
        (participants, ...) float32 on the CPU, in the participants' order.
    """
    device, sections = next(model.parameters()).device, len(samples.sections.in_turn)
    total = torch.zeros(())
    for section in range(sections):
        parts = in_order(samples, batch, workers, section)
        total = total + torch.cat([function(part["images"].to(device)).float().cpu() for part in parts])
    return total / sections


def section_batches(samples: Samples, sections: Sequence[Sequence[int]], batch: int) -> Iterator[Tensor]:
    """Sections of the participants in order, (sections, plane, time, height, width), `batch` at a time."""
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

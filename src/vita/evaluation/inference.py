"""What trained image models make of images: vectors of temporal sections, and reconstructions as numbers and images."""

from collections.abc import Iterator

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from vita.models.alignment import pool
from vita.models.image_encoder import ImageEncoder
from vita.models.mae import MaskedAutoencoder
from vita.models.masking import kept_count, random_order
from vita.models.patches import patchify
from vita.models.settings import WHOLE_HEART
from vita.training.batches import in_order, mixed_seed
from vita.training.data import Samples
from vita.training.reconstruction import errors, psnr_db
from vita.training.settings import Settings

_MASKS = 3  # stream of random numbers, apart from those of training and validation


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
        for section in torch.split(cine, len(sections[0]), dim=1):
            part.append(section)
            if len(part) == batch:
                yield part
                part = []
    if part:
        yield part


def _order(samples: Samples, tokens: int, settings: Settings) -> Tensor:
    """(participants, tokens) an order of the patches for each participant."""
    generator = torch.Generator().manual_seed(mixed_seed(settings.seed, _MASKS))
    return random_order(len(samples), tokens, generator)


@torch.inference_mode()
def psnr_table(model: MaskedAutoencoder, samples: Samples, settings: Settings) -> pd.DataFrame:
    """PSNR of each participant: rows eid, split, target, prediction in dB.

    Targets: `psnr_masked` over hidden patches, `psnr_filled` over the image in which seen patches stay as they are (the
    published code's measure), `psnr_all` over the image with every patch rebuilt.
    """
    device, tokens = model.decoder.mask_token.device, model.settings.tokens
    keep, batch = kept_count(tokens, settings.stage.mask_ratio), settings.stage.batch
    orders = torch.split(_order(samples, tokens, settings), batch)
    found = []
    for part, order in zip(in_order(samples, batch, settings.training.workers), orders, strict=True):
        found.append(torch.stack(errors(model, part["images"].to(device), order.to(device), keep)).cpu())
    masked, everything = torch.cat(found, dim=1)
    filled = masked * (tokens - keep) / tokens  # no error in the others
    values = psnr_db(torch.stack([masked, filled, everything])).numpy()
    return pd.concat(
        [
            pd.DataFrame({"eid": samples.eids, "split": samples.split.to_numpy(), "target": name, "prediction": row})
            for name, row in zip(("psnr_masked", "psnr_filled", "psnr_all"), values, strict=True)
        ]
    )


@torch.inference_mode()
def example_images(model: MaskedAutoencoder, samples: Samples, settings: Settings, count: int) -> dict[str, np.ndarray]:
    """Images of the first participants.

    Returns:
        `input`, `masked` (true where hidden) and `reconstruction` (visible patches are the input's), each (examples,
        plane, time, height, width) with the planes of the whole heart; those that the model does not see are empty.
    """
    device, tokens = model.decoder.mask_token.device, model.settings.tokens
    count = min(count, len(samples))
    images = samples[list(range(count))]["images"].to(device)
    order = _order(samples, tokens, settings)[:count].to(device)
    output = model(images, order, kept_count(tokens, settings.stage.mask_ratio))
    patches, hidden = patchify(images, model.settings.patch), output.masked[..., None]
    shown = {
        "input": patches,
        "masked": hidden.expand_as(patches),
        "reconstruction": output.reconstruction.float().where(hidden, patches),
    }
    return {name: _whole_heart(model.images(values).cpu().numpy(), samples.planes) for name, values in shown.items()}


def _whole_heart(images_bsthw: np.ndarray, planes: slice) -> np.ndarray:
    """The images among all planes."""
    whole = np.zeros((len(images_bsthw), len(WHOLE_HEART), *images_bsthw.shape[2:]), images_bsthw.dtype)
    whole[:, planes] = images_bsthw
    return whole

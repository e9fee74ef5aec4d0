"""Results of trained image models: vectors of temporal sections, and reconstructions with their errors."""

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from vita.models.alignment import pool
from vita.models.image_encoder import ImageEncoder
from vita.models.mae import MaskedAutoencoder
from vita.models.settings import WHOLE_HEART
from vita.models.tokens import kept_count, patchify, random_order
from vita.training.batches import in_order, mixed_seed
from vita.training.data import Samples
from vita.training.frozen import section_batches
from vita.training.reconstruction_errors import psnr_db
from vita.training.sections import wrapped_sections
from vita.training.settings import Settings

PSNR = ("psnr_masked", "psnr_filled", "psnr_all", "psnr_frames")
_MASKS = 3  # stream of random numbers, apart from those of training and validation


@torch.inference_mode()
def encode_sections(encoder: ImageEncoder, samples: Samples, batch: int) -> np.ndarray:
    """Mean of the patch tokens of every participant and section.

    Args:
        encoder: on the device to compute on.
        samples: participants.
        batch: sections per pass.

    Returns:
        (participants, sections, width) float32.
    """
    device = encoder.class_token.device
    encoder.eval()
    stored = samples.reader.stored(int(samples.eids[0])).shape[1]
    sections = wrapped_sections(stored, encoder.settings.frames)
    vectors = [pool(encoder(part.to(device))).float().cpu() for part in section_batches(samples, sections, batch)]
    return torch.cat(vectors).view(len(samples), len(sections), -1).numpy()


def _order(samples: Samples, tokens: int, settings: Settings) -> Tensor:
    """(participants, tokens) an order of the patches for each participant."""
    generator = torch.Generator().manual_seed(mixed_seed(settings.seed, _MASKS))
    return random_order(len(samples), tokens, generator)


def _psnr(model: MaskedAutoencoder, images_bsthw: Tensor, order: Tensor, keep: int) -> Tensor:
    """PSNR in dB of each participant in the order of `PSNR`, (4, batch)."""
    output = model(images_bsthw, order, keep)
    rebuilt, hidden = output.reconstruction.float(), output.masked.float()
    squared = (rebuilt - patchify(images_bsthw, model.settings.patch)).square().mean(dim=2)
    masked = (squared * hidden).sum(dim=1) / hidden.sum(dim=1).clamp(min=1)
    filled = masked * (hidden.shape[1] - keep) / hidden.shape[1]  # no error in the visible patches
    frames = (model.images(rebuilt) - images_bsthw).square().mean(dim=(3, 4))
    whole = psnr_db(torch.stack([masked, filled, squared.mean(dim=1)]))
    return torch.cat([whole, psnr_db(frames).mean(dim=(1, 2))[None]])


@torch.inference_mode()
def psnr_table(model: MaskedAutoencoder, samples: Samples, settings: Settings) -> pd.DataFrame:
    """PSNR of each participant: rows eid, split, target, prediction in dB.

    Targets: `psnr_masked` over masked patches, `psnr_filled` over the image with visible patches kept, `psnr_all` over
    the image with every patch reconstructed, and `psnr_frames` for each frame of the same image, averaged in dB over
    all planes and frames (as in the published code's test step).
    """
    device, tokens = model.decoder.mask_token.device, model.settings.tokens
    keep, batch = kept_count(tokens, settings.stage.mask_ratio), settings.stage.batch
    orders = torch.split(_order(samples, tokens, settings), batch)
    found = []
    for part, order in zip(in_order(samples, batch, settings.training.workers, section=0), orders, strict=True):
        found.append(_psnr(model, part["images"].to(device), order.to(device), keep).cpu())
    values = torch.cat(found, dim=1).numpy()
    return pd.concat(
        [
            pd.DataFrame({"eid": samples.eids, "split": samples.split.to_numpy(), "target": name, "prediction": row})
            for name, row in zip(PSNR, values, strict=True)
        ]
    )


@torch.inference_mode()
def example_images(model: MaskedAutoencoder, samples: Samples, settings: Settings, count: int) -> dict[str, np.ndarray]:
    """Images of the first participants.

    Returns:
        `input`, `masked` (true for masked voxels) and `reconstruction` (with the visible patches of the input), each
        (examples, plane, time, height, width) with the planes of the whole heart; those that the model does not see are
        empty.
    """
    device, tokens = model.decoder.mask_token.device, model.settings.tokens
    count = min(count, len(samples))
    images = samples[[(row, 0) for row in range(count)]]["images"].to(device)
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
    """Put the images among all planes."""
    whole = np.zeros((len(images_bsthw), len(WHOLE_HEART), *images_bsthw.shape[2:]), images_bsthw.dtype)
    whole[:, planes] = images_bsthw
    return whole

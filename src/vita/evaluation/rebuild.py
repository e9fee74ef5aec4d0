"""A Stage I model's reconstructions as numbers and as images."""

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from vita.models.mae import MaskedAutoencoder
from vita.models.masking import kept_count, random_order
from vita.models.patches import patchify
from vita.models.settings import WHOLE_HEART
from vita.training.batches import in_order, mixed_seed
from vita.training.data import Samples
from vita.training.reconstruction import errors, psnr_db
from vita.training.settings import Settings

_MASKS = 3  # stream of random numbers, apart from those of training and validation


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
    orders = _order(samples, tokens, settings).split(batch)
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

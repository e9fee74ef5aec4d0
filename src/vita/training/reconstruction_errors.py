"""How far reconstructions of masked patches are from the images."""

from torch import Tensor

from vita.models.mae import MaeOutput, MaskedAutoencoder
from vita.models.tokens import patchify


def psnr_db(mse: Tensor) -> Tensor:
    """Peak signal-to-noise ratio in dB of intensities in [0, 1] from their mean squared error."""
    return -10 * mse.clamp(min=1e-12).log10()


def errors(model: MaskedAutoencoder, images_bsthw: Tensor, order: Tensor, keep: int) -> tuple[Tensor, Tensor]:
    """Mean squared errors (batch,) of each participant: over masked patches, and over all patches."""
    output: MaeOutput = model(images_bsthw, order, keep)
    squared = (output.reconstruction.float() - patchify(images_bsthw, model.settings.patch)).square().mean(dim=2)
    masked = output.masked.float()
    return (squared * masked).sum(dim=1) / masked.sum(dim=1).clamp(min=1), squared.mean(dim=1)

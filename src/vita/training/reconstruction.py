"""Stage I's learner: reconstruct masked patches."""

import torch
from torch import Tensor

from vita.models.mae import MaeOutput, MaskedAutoencoder
from vita.models.tokens import kept_count, random_order
from vita.training.data import Batch
from vita.training.learner import Learner
from vita.training.reconstruction_errors import errors, psnr_db
from vita.training.settings import Settings


class ReconstructionLearner(Learner):
    """Trains a masked autoencoder; the masks of a step come from its random numbers, those of validation are fixed."""

    model: MaskedAutoencoder
    trivial_name = "image variance"

    def __init__(self, model: MaskedAutoencoder, settings: Settings) -> None:
        super().__init__(model, settings)
        self.keep = kept_count(model.settings.tokens, settings.stage.mask_ratio)
        self._variance: float | None = None

    def training_loss(self, batch: Batch, generator: torch.Generator) -> Tensor:
        """Pixel loss over masked or all patches."""
        images = batch["images"]
        output: MaeOutput = self.model(
            images, random_order(len(images), self.model.settings.tokens, generator), self.keep
        )
        return output.loss

    def validation_values(self, batch: Batch, generator: torch.Generator) -> dict[str, Tensor]:
        """The squared errors of each participant."""
        images = batch["images"]
        order = random_order(len(images), self.model.settings.tokens, generator).to(images.device)
        masked, everything = errors(self.model, images, order, self.keep)
        found = {"masked": masked, "all": everything}
        if self._variance is None:  # the same for an image in every epoch
            flat = images.flatten(1).double()
            found |= {"mean": flat.mean(dim=1), "square": flat.square().mean(dim=1)}
        return found

    def trivial_loss(self, values: dict[str, Tensor]) -> float:
        """Variance of the split's intensities: the error of a grey image."""
        if self._variance is None:
            self._variance = (values["square"].mean() - values["mean"].mean().square()).item()
        return self._variance

    def metric(self, values: dict[str, Tensor], metrics: dict[str, float]) -> float:
        """The PSNR of masked patches."""
        return -metrics["psnr_masked"]

    def summary(self, values: dict[str, Tensor]) -> dict[str, float]:
        """Loss and PSNR in dB (mean over participants)."""
        chosen = "all" if self.model.loss == "all" else "masked"
        return {
            "val_loss": values[chosen].mean().item(),
            "psnr_masked": psnr_db(values["masked"]).mean().item(),
            "psnr_all": psnr_db(values["all"]).mean().item(),
        }

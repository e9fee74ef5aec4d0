"""Stage I: the masked autoencoder, which learns to fill in patches that the encoder has not seen."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vita.models.image_encoder import Block, ImageEncoder, initialise, run_block, token_parameter
from vita.models.settings import ModelSettings
from vita.models.tokens import image_positions, masked_patches, patchify, take, unpatchify


@dataclass(frozen=True)
class MaeOutput:
    """The result of one forward pass.

    Attributes:
        masked: (batch, patches), true for the patches that the encoder did not see.
        loss: () mean squared error over masked or all patches.
        rebuild: computes the reconstruction on demand, since training on masked patches never needs that of the visible
            ones.
    """

    masked: Tensor
    loss: Tensor
    rebuild: Callable[[], Tensor]

    @property
    def reconstruction(self) -> Tensor:
        """(batch, patches, voxels) in [0, 1], in the order of `patchify`; computed again at each access."""
        return self.rebuild()


class Decoder(nn.Module):
    """A light transformer from visible tokens to the voxels of every patch."""

    positions: Tensor

    def __init__(self, settings: ModelSettings) -> None:
        super().__init__()
        width, heads = settings.width, settings.decoder_heads or settings.heads
        self.checkpointing = settings.checkpointing
        self.embed = nn.Linear(width, width)
        self.mask_token = token_parameter(width)
        self.blocks = nn.ModuleList(Block(width, heads, settings.dropout) for _ in range(settings.decoder_depth))
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, settings.patch_voxels)
        self.register_buffer("positions", image_positions(settings), persistent=False)
        self.apply(initialise)

    def forward(self, tokens_bkd: Tensor, order: Tensor) -> Tensor:
        """Put visible tokens and mask tokens in their places and run the blocks.

        Args:
            tokens_bkd: (batch, 1 + keep, width) from the encoder.
            order: (batch, patches) the order in which the encoder saw the first `keep` patches.

        Returns:
            (batch, patches, width), in the patches' own order.
        """
        tokens = self.embed(tokens_bkd)
        hidden = self.mask_token.expand(len(tokens), order.shape[1] - tokens.shape[1] + 1, -1).to(tokens.dtype)
        patches = take(torch.cat([tokens[:, 1:], hidden], dim=1), order.argsort(dim=1))
        tokens = torch.cat([tokens[:, :1], patches], dim=1) + self.positions
        for block in self.blocks:
            tokens = run_block(block, tokens, self.checkpointing)
        return tokens[:, 1:]

    def voxels(self, tokens_bnd: Tensor) -> Tensor:
        """Voxels in [0, 1] of decoded tokens: (batch, n, width) to (batch, n, voxels)."""
        voxels: Tensor = self.head(self.norm(tokens_bnd)).sigmoid()
        return voxels


class MaskedAutoencoder(nn.Module):
    """An image encoder and a decoder, trained with a pixel loss.

    Args:
        settings: sizes.
        loss: error over the "masked" patches, or over "all".
    """

    def __init__(self, settings: ModelSettings, loss: Literal["masked", "all"] = "masked") -> None:
        super().__init__()
        self.settings, self.loss = settings, loss
        self.encoder = ImageEncoder(settings)
        self.decoder = Decoder(settings)

    def forward(self, images_bsthw: Tensor, order: Tensor, keep: int) -> MaeOutput:
        """Encode the first `keep` patches of `order` and reconstruct all of them.

        Args:
            images_bsthw: (batch, plane, time, height, width) in [0, 1].
            order: (batch, patches) from `masking.random_order`.
            keep: number of visible patches, from `masking.kept_count`.
        """
        self.encoder.check(images_bsthw)
        order, patches = order.to(images_bsthw.device), patchify(images_bsthw, self.settings.patch)
        tokens = decoded = self.decoder(self.encoder.encode(patches, order, keep), order)
        if self.loss == "masked" and keep < order.shape[1]:
            hidden = order[:, keep:]
            decoded, patches = take(decoded, hidden), take(patches, hidden)
        loss = F.mse_loss(self.decoder.voxels(decoded).float(), patches.float())
        return MaeOutput(masked_patches(order, keep), loss, rebuild=lambda: self.decoder.voxels(tokens))

    def images(self, patches_bnv: Tensor) -> Tensor:
        """Put reconstructed patches together: (batch, plane, time, height, width)."""
        return unpatchify(patches_bnv, self.settings.grid, self.settings.patch)

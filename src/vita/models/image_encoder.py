"""The image encoder: a vision transformer over the patches of all planes of a heart, and the blocks of all encoders."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from vita.models.settings import ModelSettings
from vita.models.tokens import image_positions, patchify, take
from vita.runtime.errors import UserError

_MLP_RATIO = 4
_INIT_STD = 0.02  # as in ViT and MAE


class Block(nn.Module):
    """Attention and MLP, each with layer norm before it and a residual connection around it (eps 1e-5, exact GELU,
    fused qkv).
    """

    def __init__(self, width: int, heads: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.heads, self.dropout = heads, dropout
        self.norm1 = nn.LayerNorm(width)
        self.qkv = nn.Linear(width, 3 * width)
        self.proj = nn.Linear(width, width)
        self.norm2 = nn.LayerNorm(width)
        self.fc1 = nn.Linear(width, _MLP_RATIO * width)
        self.fc2 = nn.Linear(_MLP_RATIO * width, width)

    def forward(self, tokens_bnd: Tensor) -> Tensor:
        """(batch, n, width) to the same shape."""
        tokens_bnd = tokens_bnd + self._drop(self.attention(self.norm1(tokens_bnd)))
        return tokens_bnd + self._drop(self.fc2(F.gelu(self.fc1(self.norm2(tokens_bnd)))))

    def attention(self, tokens_bnd: Tensor) -> Tensor:
        """Self-attention over n: (batch, n, width) to the same shape."""
        batch, count, width = tokens_bnd.shape
        qkv = self.qkv(tokens_bnd).view(batch, count, 3, self.heads, width // self.heads)
        query, key, value = qkv.permute(2, 0, 3, 1, 4)  # each (batch, heads, n, width / heads)
        mixed = F.scaled_dot_product_attention(query, key, value)
        projected: Tensor = self.proj(mixed.transpose(1, 2).reshape(batch, count, width))
        return projected

    def _drop(self, tokens_bnd: Tensor) -> Tensor:
        return F.dropout(tokens_bnd, self.dropout, self.training) if self.dropout else tokens_bnd


def run_block(block: nn.Module, tokens_bnd: Tensor, checkpointing: bool) -> Tensor:
    """Run one block; with gradient checkpointing its activations are recomputed in the backward pass instead of
    stored.
    """
    again = checkpointing and tokens_bnd.requires_grad
    found: Tensor = checkpoint(block, tokens_bnd, use_reentrant=False) if again else block(tokens_bnd)
    return found


def initialise(module: nn.Module) -> None:
    """Initialise weights as MAE does (Xavier for linear maps, zero biases); to be used with `Module.apply`."""
    if isinstance(module, nn.Linear):
        nn.init.xavier_uniform_(module.weight)
        if module.bias is not None:
            nn.init.zeros_(module.bias)


def token_parameter(width: int) -> nn.Parameter:
    """A learnt token of shape (1, 1, width), initialised with small values."""
    return nn.Parameter(nn.init.trunc_normal_(torch.empty(1, 1, width), std=_INIT_STD))


class ImageEncoder(nn.Module):
    """A transformer of pre-norm blocks over (time, row, column) patches, with fixed positions, a view channel and a
    class token.

    Masked patches are left out before the patch embedding, so they cost nothing. The embedding is a linear map of
    a patch's voxels: the same as a convolution whose stride is its kernel, but several times faster on a CPU.
    """

    positions: Tensor

    def __init__(self, settings: ModelSettings) -> None:
        super().__init__()
        self.settings = settings
        self.embed = nn.Linear(settings.patch_voxels, settings.width)
        self.class_token = token_parameter(settings.width)
        self.blocks = nn.ModuleList(
            Block(settings.width, settings.heads, settings.dropout) for _ in range(settings.depth)
        )
        self.norm = nn.LayerNorm(settings.width)
        self.register_buffer("positions", image_positions(settings), persistent=False)
        self.apply(initialise)

    def forward(self, images_bsthw: Tensor, order: Tensor | None = None, keep: int | None = None) -> Tensor:
        """Encode images, or the part of them that masking leaves visible.

        Args:
            images_bsthw: (batch, plane, time, height, width) in [0, 1].
            order: (batch, patches) an order of the patches; without it, all patches are encoded in their own order.
            keep: how many of the first patches of `order` are visible; without it, all are.

        Returns:
            (batch, 1 + keep, width): the class token, then the visible patches in the order given.
        """
        self.check(images_bsthw)
        return self.encode(patchify(images_bsthw, self.settings.patch), order, keep)

    def encode(self, patches_bnv: Tensor, order: Tensor | None = None, keep: int | None = None) -> Tensor:
        """The same as `forward`, but from patches (batch, patches, voxels) that have already been cut out."""
        tokens = self._tokens(patches_bnv, order, keep)
        for block in self.blocks:
            tokens = run_block(block, tokens, self.settings.checkpointing)
        normed: Tensor = self.norm(tokens)
        return normed

    def layers(self, images_bsthw: Tensor) -> tuple[list[Tensor], Tensor]:
        """Tokens before each block, for skip connections, together with the encoder's output.

        Returns:
            The input (batch, 1 + patches, width) of each block, and the output as `forward` gives it.
        """
        self.check(images_bsthw)
        tokens, inputs = self._tokens(patchify(images_bsthw, self.settings.patch), None, None), []
        for block in self.blocks:
            inputs.append(tokens)
            tokens = run_block(block, tokens, self.settings.checkpointing)
        return inputs, self.norm(tokens)

    def _tokens(self, patches: Tensor, order: Tensor | None, keep: int | None) -> Tensor:
        """The class token followed by the embedded visible patches with their positions."""
        positions = self.positions[1:]
        if order is not None:
            visible = order[:, :keep].to(patches.device)
            patches, positions = take(patches, visible), positions[visible]
        tokens = self.embed(patches) + positions
        class_token = (self.class_token + self.positions[0]).expand(len(tokens), -1, -1)
        return torch.cat([class_token.to(tokens.dtype), tokens], dim=1)

    def check(self, images_bsthw: Tensor) -> None:
        """Raise UserError if the images do not have the shape that the settings give."""
        sizes = self.settings
        expected = (sizes.planes, sizes.frames, sizes.size, sizes.size)
        if images_bsthw.ndim != 5 or tuple(images_bsthw.shape[1:]) != expected:
            raise UserError(
                f"images of shape {tuple(images_bsthw.shape)} do not fit the model, which takes (batch, plane, time, "
                f"height, width) = (n, {', '.join(map(str, expected))}); see 'model.frames' and 'images.size'"
            )

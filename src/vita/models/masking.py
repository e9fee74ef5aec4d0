"""Random masking: which patches the encoder sees, and putting tokens back in their places."""

import torch
from torch import Tensor

from vita.runtime.errors import UserError

_ROUNDING = 1e-6  # 10 * (1 - 0.9) is a little less than 1 in floating point


def kept_count(patches: int, ratio: float) -> int:
    """Number of patches that stay visible: patches * (1 - ratio) rounded down, at least one.

    Raises:
        UserError: the ratio is not in [0, 1).
    """
    if not 0 <= ratio < 1:
        raise UserError(f"config: 'mask_ratio' is {ratio}; it must be at least 0 and below 1")
    return max(1, int(patches * (1 - ratio) + _ROUNDING))


def random_order(batch: int, patches: int, generator: torch.Generator | None = None) -> Tensor:
    """An independent random order of the patches for each sample, on the generator's device (the CPU without a
    generator).

    Returns:
        (batch, patches) indices; the first `kept_count` of a row are visible, the rest are masked.
    """
    device = generator.device if generator is not None else torch.device("cpu")
    return torch.rand(batch, patches, generator=generator, device=device).argsort(dim=1)


def take(tokens_bnd: Tensor, index_bk: Tensor) -> Tensor:
    """Pick tokens by index: (batch, n, d) and (batch, k) give (batch, k, d)."""
    return tokens_bnd.gather(1, index_bk[..., None].expand(-1, -1, tokens_bnd.shape[-1]))


def masked_patches(order_bn: Tensor, keep: int) -> Tensor:
    """True where a patch is masked, in the patches' own places: (batch, n) from an order of that shape."""
    hidden = torch.ones_like(order_bn, dtype=torch.bool)
    return hidden.scatter(1, order_bn[:, :keep], False)

"""The pre-norm transformer block that all encoders share, and a function that runs a stack of them."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

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

"""Embeddings of all processes in each of them, with gradients."""

import torch
import torch.distributed as dist
from torch import Tensor
from torch.distributed.nn.functional import all_gather


def gathered(embeddings_bp: Tensor) -> Tensor:
    """Rows of all processes, one process after the other; the rows themselves in a single process.

    The gradient that a process gets for its rows is the sum over all processes' losses. Where each of them computes
    the loss of the whole batch and gradients are averaged afterwards (as DDP does), the result is the gradient of
    the whole batch.

    Args:
        embeddings_bp: (batch, width), as many rows in every process.

    Returns:
        (processes * batch, width).
    """
    if not (dist.is_available() and dist.is_initialized()) or dist.get_world_size() == 1:
        return embeddings_bp
    return torch.cat(all_gather(embeddings_bp), dim=0)

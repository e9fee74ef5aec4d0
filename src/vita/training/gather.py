"""Embeddings of all processes in each of them, with gradients."""

from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor


class _Gather(torch.autograd.Function):
    """Rows of all processes; backward, a process gets the sum of all processes' gradients for its rows."""

    @staticmethod
    def forward(context: Any, rows: Tensor) -> Tensor:
        context.rows = len(rows)
        parts = [torch.empty_like(rows) for _ in range(dist.get_world_size())]
        dist.all_gather(parts, rows.contiguous())
        return torch.cat(parts)

    @staticmethod
    def backward(context: Any, gradient: Tensor) -> Tensor:
        total = gradient.contiguous().clone()
        dist.all_reduce(total)
        first = dist.get_rank() * context.rows
        return total[first : first + context.rows]


def gathered(embeddings_bp: Tensor) -> Tensor:
    """Rows of all processes, one process after the other; the rows themselves in a single process.

    Where each process computes the loss of the whole batch and gradients are averaged afterwards (as DDP does), the
    result is the gradient of the whole batch.

    Args:
        embeddings_bp: (batch, width), as many rows in every process.

    Returns:
        (processes * batch, width).
    """
    if not (dist.is_available() and dist.is_initialized()) or dist.get_world_size() == 1:
        return embeddings_bp
    return _Gather.apply(embeddings_bp)

"""A large contrastive batch in little memory: embeddings chunk by chunk, computed again in the backward pass."""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint


def in_chunks(function: Callable[..., Tensor], chunk: int, *inputs_b: Tensor | None) -> Tensor:
    """Apply a function to a batch in chunks, as if to the whole batch.

    Only the function's outputs outlive a chunk. In the backward pass the chunks come one after another: each is
    computed again (with the same random numbers) and its gradients are taken before the next begins. So activations
    of one chunk at a time are in memory, whatever the batch, and the loss still sees all embeddings.

    Args:
        function: from chunks of the inputs to (chunk, width), each row from its own participant alone.
        chunk: participants in a chunk; 0 for the whole batch at once, with nothing computed again.
        inputs_b: tensors whose first axis is the batch, or None, which is handed on.

    Returns:
        (batch, width), the function's outputs in order.
    """
    batch = next(len(value) for value in inputs_b if value is not None)
    if not chunk or chunk >= batch:
        return function(*inputs_b)
    outputs = []
    for start in range(0, batch, chunk):
        part = [None if value is None else value[start : start + chunk] for value in inputs_b]
        if torch.is_grad_enabled():
            outputs.append(checkpoint(function, *part, use_reentrant=False))
        else:
            outputs.append(function(*part))
    return torch.cat(outputs)

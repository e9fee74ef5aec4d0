"""Large tensors without a detour to the system: freed memory is kept by the process and used again."""

import ctypes
import sys

# Parameters of glibc's mallopt(3).
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3
_NEVER = 2**31 - 1
_ONE_GB = 2**30


def keep_freed_memory() -> bool:
    """Have glibc take tensors up to 1 GB from its heap, and not give freed memory back.

    By default every tensor of some MB is mapped anew, and each of its pages is zeroed by the kernel when it is first
    written: 12 % of a Stage III step and a third of a segmentation step on one core (torch 2.13, glibc 2.36).

    Returns:
        Whether it took effect; other C libraries are left as they are.
    """
    if not sys.platform.startswith("linux"):
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        return False
    return bool(mallopt(_M_MMAP_THRESHOLD, _ONE_GB)) and bool(mallopt(_M_TRIM_THRESHOLD, _NEVER))

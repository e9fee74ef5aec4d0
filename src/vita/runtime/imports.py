"""Importing large libraries without the garbage collector, which would scan their millions of objects repeatedly."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def without_collection() -> Iterator[None]:
    """No garbage is collected within; what is alive at the end is not looked through again, at the program's end
    either. For imports alone, which leave next to no garbage.
    """
    before = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if before:
            gc.enable()

"""Items made in one thread and worked on in others, in order, a few ahead of their consumer."""

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")
WORKERS = 2  # given the number of rows, polars parses a block with one thread, so several are parsed side by side


def side_by_side(items: Iterator[Item], work: Callable[[Item], Result]) -> Iterator[Result]:
    """`work(item)` of every item, in the items' order; what either of them raises is raised here.

    Args:
        items: advanced by one thread at a time, so that it may keep state.
        work: called from several threads at once.
    """
    with ThreadPoolExecutor(1) as maker, ThreadPoolExecutor(WORKERS) as workers:
        under_way: deque[Future[Result]] = deque()
        coming = maker.submit(next, items, None)
        while (item := coming.result()) is not None:
            under_way.append(workers.submit(work, item))
            del item  # one block less in memory
            coming = maker.submit(next, items, None)
            if len(under_way) >= WORKERS:
                yield under_way.popleft().result()
        for result in under_way:
            yield result.result()

# SPDX-License-Identifier: Apache-2.0
"""Work that is too much for one processor, spread over processes: in order, and no more at once than they can do soon."""

from __future__ import annotations

import os
import signal
from collections import deque
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from typing import TYPE_CHECKING, TypeVar

from byline.errors import LedgerError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from concurrent.futures import Future

_AHEAD = 2

T = TypeVar("T")
R = TypeVar("R")


def spread(work: Callable[[T], R], asked: Iterable[T], *, is_worth: bool = True) -> Iterator[R]:
    """Give `work` of each that is `asked`, in order, by every processor; here where it is not worth starting processes.

    Raises:
        LedgerError: A process is gone.
    """
    workers = os.cpu_count() or 1
    if workers == 1 or not is_worth:
        yield from map(work, asked)
        return
    # Who interrupts this process, which ends the others, interrupts the work.
    pool = ProcessPoolExecutor(workers, get_context("spawn"), signal.signal, (signal.SIGINT, signal.SIG_IGN))
    waiting: deque[Future[R]] = deque()
    try:
        for each in asked:
            waiting.append(pool.submit(work, each))
            if len(waiting) > _AHEAD * workers:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    except BrokenProcessPool as error:
        raise LedgerError("a process of the check was ended by somebody else", hint="is there enough memory?") from error
    finally:
        pool.shutdown(cancel_futures=True)

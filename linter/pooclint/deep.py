"""Code that is nested deeper than the interpreter's usual stack: the same work again, in a thread with a larger one."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from typing import TypeVar

_STACK = 256 * 1024 * 1024
"""Bytes. Address space only: what is not used is never backed by memory."""
_DEPTH = 20_000
"""Frames. The stack above holds several times as many, whichever way the interpreter keeps them."""

Result = TypeVar("Result")


def with_deep_stack(work: Callable[[], Result]) -> Result:
    """Call `work` in a thread whose stack lets it recurse twenty times deeper than usual, and wait for it.

    The interpreter's limit holds for all threads; this one only waits while it is raised.

    Raises:
        RecursionError: even that is not enough.
        Exception: whatever `work` raises.
    """
    outcome: list[Result] = []
    failure: list[BaseException] = []

    def run() -> None:
        try:
            outcome.append(work())
        except BaseException as error:  # noqa: BLE001 - it is raised again below, in the thread that asked
            failure.append(error)

    limit = sys.getrecursionlimit()
    size = threading.stack_size(_STACK)
    try:
        sys.setrecursionlimit(max(limit, _DEPTH))
        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        thread.join()
    finally:
        sys.setrecursionlimit(limit)
        threading.stack_size(size)
    if failure:
        raise failure[0]
    return outcome[0]

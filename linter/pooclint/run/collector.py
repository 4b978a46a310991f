"""Python's cycle collector, kept away from syntax trees.

A tree is hundreds of thousands of objects that live for as long as the file is looked at, and no cycle of them is
garbage before that: to walk them again and again finds nothing (a third of a run, measured). A project's trees, with
all that was concluded from them, are taken apart when they are dropped (`Project.release`): to find them took the
collector a second for a megabyte of source.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def paused() -> Iterator[None]:
    """The collector does nothing in the body of the `with` statement, unless it is called."""
    before = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if before:
            gc.enable()

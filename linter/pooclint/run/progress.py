"""How far a run is, on a terminal that waits for it."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from rich.progress import Progress

Item = TypeVar("Item")

_PATIENCE = 1.0
"""Seconds before anything is shown: a run that is over by then needs no bar."""


def with_progress(items: Iterable[Item], total: int) -> Iterator[Item]:
    """Pass items on, and show on standard error how many of `total` have come, once that takes longer than a second."""
    started = time.monotonic()
    bar: Progress | None = None
    try:
        for count, item in enumerate(items, 1):
            if bar is None and time.monotonic() - started > _PATIENCE:
                bar = _bar(total)
            if bar is not None:
                bar.update(bar.task_ids[0], completed=count)
            yield item
    finally:
        if bar is not None:
            bar.stop()


def _bar(total: int) -> Progress:
    # Most runs end without it, and it takes a tenth of a second to import.
    from rich.console import Console
    from rich.progress import Progress

    bar = Progress(console=Console(stderr=True), transient=True)
    bar.add_task("Checking", total=total)
    bar.start()
    return bar

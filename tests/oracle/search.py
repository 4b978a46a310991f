"""The runs of one program: every bounded sequence of choices."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from oracle.fakepool import Script


@dataclass
class Search:
    """Asks for one run after another, those with the fewest unusual choices first."""

    script: Callable[[tuple[int, ...]], Script]
    """Makes the script of a run whose first choices are given."""
    max_runs: int
    runs: int = 0
    complete: bool = False
    """True when every run within the bounds was made."""

    def scripts(self) -> Iterator[Script]:
        """The scripts; each has to be run before the next one is asked for."""
        queue: list[tuple[int, int, int, tuple[int, ...]]] = [(0, 0, 0, ())]
        order = itertools.count(1)
        while queue and self.runs < self.max_runs:
            prefix = heapq.heappop(queue)[-1]
            script = self.script(prefix)
            self.runs += 1
            yield script
            before = tuple(choice for choice, _ in script.taken)
            unusual = sum(map(bool, prefix))
            for position in range(len(prefix), len(script.taken)):
                for alternative in range(1, script.taken[position][1]):
                    longer = (*before[:position], alternative)
                    heapq.heappush(queue, (unusual + 1, position + 1, next(order), longer))
        self.complete = not queue

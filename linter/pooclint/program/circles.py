"""Answers that lead to themselves: recursion, modules that import each other, names that stand for each other.

A question that comes up again while it is being worked out is cut off, and what was concluded from that is provisional:
it serves until the question that it was cut off at has its answer, and is then forgotten. So nothing depends on what
happened to be asked first.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Any, TypeVar

Key = TypeVar("Key", bound=Hashable)
Answer = TypeVar("Answer")
_Place = tuple[int, Hashable]
_NOWHERE = 1 << 60


@dataclass(slots=True)
class Circles:
    """The questions that are being worked out. One object serves all questions that may lead to each other."""

    _open: dict[_Place, int] = field(default_factory=dict)
    """Their places, the outermost first."""
    _provisional: dict[_Place, tuple[Any, int]] = field(default_factory=dict)
    """Answers, each with the outermost question that it was cut off at."""
    _order: list[_Place] = field(default_factory=list)
    _outermost: int = _NOWHERE
    """The outermost question that anything was cut off at since the innermost began."""

    def forget(self) -> None:
        """Forget everything, as after an error that left questions unanswered."""
        self._open.clear()
        self._provisional.clear()
        self._order.clear()
        self._outermost = _NOWHERE

    def answer(self, memo: dict[Key, Answer], key: Key, cut: Answer, work: Callable[[], Answer]) -> Answer:
        """The answer to a question, worked out once.

        Args:
            memo: of questions of its kind; another kind has another.
            key: the question.
            cut: what is taken for the answer where the question leads to itself.
            work: works it out.
        """
        if key in memo:
            return memo[key]
        place = (id(memo), key)
        if place in self._provisional:
            found, outermost = self._provisional[place]
            self._outermost = min(self._outermost, outermost)
            return found  # type: ignore[no-any-return]
        if place in self._open:
            self._outermost = min(self._outermost, self._open[place])
            return cut
        position, before, since = len(self._open), self._outermost, len(self._order)
        self._open[place] = position
        self._outermost = _NOWHERE
        try:
            found = work()
        finally:
            del self._open[place]
            outermost = self._outermost
            if outermost >= position:  # nothing outside of this question decides
                outermost = _NOWHERE
                for other in self._order[since:]:
                    del self._provisional[other]
                del self._order[since:]
            self._outermost = min(before, outermost)
        if outermost == _NOWHERE:
            memo[key] = found
            return found
        for other in self._order[since:]:
            known, at = self._provisional[other]
            self._provisional[other] = (known, min(at, outermost))
        self._provisional[place] = (found, outermost)
        self._order.append(place)
        return found

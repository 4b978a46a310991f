"""Answers that lead to themselves: recursion, modules that import each other, names that stand for each other.

A question that comes up again while it is being worked out is cut off, and what was concluded from that is provisional:
it serves until the question that it was cut off at has its answer, and is then forgotten. So nothing depends on what
happened to be asked first. An answer that is kept carries what was consulted for it: who asks again rests on that too.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Any, Generic, NamedTuple, TypeVar

from pooclint.program.consulted import Consulted

Key = TypeVar("Key", bound=Hashable)
Answer = TypeVar("Answer")
_Place = tuple[int, Hashable]
_NOWHERE = 1 << 60


class Kept(NamedTuple, Generic[Answer]):
    """An answer in a memo."""

    answer: Answer
    resting: int
    """What it rests on, as in `Consulted.resting`."""


Memo = dict[Key, Kept[Answer]]
"""Answers to questions of one kind."""


@dataclass(slots=True)
class Circles:
    """The questions that are being worked out. One object serves all questions that may lead to each other."""

    consulted: Consulted = field(default_factory=lambda: Consulted(kept=False))
    """Where it is noted what answers rest on."""
    _open: dict[_Place, int] = field(default_factory=dict)
    """Their places, the outermost first."""
    _provisional: dict[_Place, tuple[Kept[Any], int]] = field(default_factory=dict)
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

    def again(self, kept: Kept[Answer]) -> Answer:
        """An answer of a memo, for one more who asks."""
        self.consulted.resting |= kept.resting
        return kept.answer

    def once(self, memo: Memo[Key, Answer], key: Key, work: Callable[[], Answer], settled: bool = True) -> Answer:
        """The answer to a question that never leads to itself, worked out once; other arguments as in `answer`.

        Args:
            settled: False where the answer may rest on one that is cut off, and is not kept.
        """
        kept = memo.get(key)
        if kept is not None:
            return self.again(kept)
        if not settled:
            return work()
        before, self.consulted.resting = self.consulted.resting, 0
        try:
            memo[key] = kept = Kept(work(), self.consulted.resting)
        finally:
            self.consulted.resting |= before
        return kept.answer

    def answer(self, memo: Memo[Key, Answer], key: Key, cut: Answer, work: Callable[[], Answer]) -> Answer:
        """The answer to a question, worked out once.

        Args:
            memo: of questions of its kind; another kind has another.
            key: the question.
            cut: what is taken for the answer where the question leads to itself.
            work: works it out.
        """
        kept = memo.get(key)
        if kept is not None:
            return self.again(kept)
        place = (id(memo), key)
        if place in self._provisional:
            provisional, outermost = self._provisional[place]
            self._outermost = min(self._outermost, outermost)
            return self.again(provisional)  # type: ignore[no-any-return]
        if place in self._open:
            self._outermost = min(self._outermost, self._open[place])
            return cut
        position, before, since = len(self._open), self._outermost, len(self._order)
        self._open[place] = position
        self._outermost = _NOWHERE
        others, self.consulted.resting = self.consulted.resting, 0
        try:  # without a call between: answers lead to answers, as deep as the stack allows
            kept = Kept(work(), self.consulted.resting)
        finally:
            self.consulted.resting |= others
            del self._open[place]
            outermost = self._outermost
            if outermost >= position:  # nothing outside of this question decides
                outermost = _NOWHERE
                for other in self._order[since:]:
                    del self._provisional[other]
                del self._order[since:]
            self._outermost = min(before, outermost)
        if outermost == _NOWHERE:
            memo[key] = kept
            return kept.answer
        for other in self._order[since:]:
            known, at = self._provisional[other]
            self._provisional[other] = (known, min(at, outermost))
        self._provisional[place] = (kept, outermost)
        self._order.append(place)
        return kept.answer

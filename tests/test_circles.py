"""Questions that lead to themselves: what is asked first does not decide."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

import pytest

from pooclint.program.circles import Circles, Memo
from pooclint.program.consulted import Consulted, Use

Graph = dict[int, tuple[int, ...]]


@dataclass
class Reaching:
    """Which nodes of a graph can be reached from one: two kinds of questions that lead to each other."""

    graph: Graph
    circles: Circles = field(default_factory=Circles)
    even: Memo[int, frozenset[int]] = field(default_factory=dict)
    odd: Memo[int, frozenset[int]] = field(default_factory=dict)
    worked: int = 0

    def of(self, node: int) -> frozenset[int]:
        memo = self.odd if node % 2 else self.even
        return self.circles.answer(memo, node, frozenset(), lambda: self.work(node))

    def work(self, node: int) -> frozenset[int]:
        self.worked += 1
        self.circles.consulted.used(str(node))
        return frozenset({node}).union(*map(self.of, self.graph[node]))


def reached(graph: Graph, start: int) -> frozenset[int]:
    found: set[int] = set()
    todo = [start]
    while todo:
        node = todo.pop()
        if node not in found:
            found.add(node)
            todo += graph[node]
    return frozenset(found)


@pytest.mark.parametrize("seed", range(60))
def test_every_order_gives_the_same_answers(seed: int) -> None:
    chance = random.Random(seed)
    size = chance.randrange(2, 12)
    graph = {n: tuple(chance.choices(range(size), k=chance.randrange(4))) for n in range(size)}
    expected = {node: reached(graph, node) for node in graph}
    for _ in range(6):
        order = chance.sample(range(size), size)
        asked = Reaching(graph)
        assert {node: asked.of(node) for node in order} == expected
        worked = asked.worked
        assert {node: asked.of(node) for node in order} == expected
        assert asked.worked == worked


@pytest.mark.parametrize("seed", range(60))
def test_an_answer_carries_what_it_rests_on(seed: int) -> None:
    """Whoever asks again, and whatever was asked before."""
    chance = random.Random(seed)
    size = chance.randrange(2, 12)
    graph = {n: tuple(chance.choices(range(size), k=chance.randrange(4))) for n in range(size)}
    consulted = Consulted()
    asked = Reaching(graph, Circles(consulted))
    for node in (*chance.sample(range(size), size), *chance.sample(range(size), size)):
        consulted.begin()
        asked.of(node)
        consulted.checked("asker")
        assert set(consulted.take().rests["asker"]) == {Use(str(n), "") for n in reached(graph, node)}


def test_a_chain_that_ends_in_its_beginning_is_worked_out_once_for_each_question() -> None:
    size = 200
    graph = {n: tuple(m for m in ((n + 1) % size, (n + 2) % size)) for n in range(size)}
    asked = Reaching(graph)
    assert len(asked.of(0)) == size
    assert asked.worked == size


def test_an_error_leaves_nothing_behind() -> None:
    circles, memo = Circles(), Memo[str, int]()

    def fails() -> int:
        circles.answer(memo, "other", 0, lambda: circles.answer(memo, "first", 0, int))
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        circles.answer(memo, "first", 0, fails)
    assert circles.answer(memo, "other", 0, lambda: 5) == 5
    assert {key: kept.answer for key, kept in memo.items()} == {"other": 5}

"""Pauses between attempts: what a loop tries again after it has failed, and waited."""

from __future__ import annotations

from collections.abc import Container, Iterator

import libcst as cst

from pooclint.program.scopes import Function
from pooclint.source.nodes import descendants, nodes_of


def between_attempts(
    function: Function, node: cst.CSTNode, names: Container[str], apart: cst.CSTNode | None = None
) -> bool:
    """True for what stands in the handler of an attempt that a loop repeats with the same object.

    Args:
        function: The function around it.
        node: What is waited for.
        names: Variables that lead to the object: the attempt calls one of them, or a method of it.
        apart: What makes the object: a loop around that makes one for each attempt.
    """
    for loop in function.body_nodes:
        if type(loop) not in _LOOPS:
            continue
        inner = list(descendants(loop, into_functions=False))
        if any(n is apart for n in inner):
            continue
        for attempt in nodes_of(cst.Try, inner):
            handled = any(n is node for h in attempt.handlers for n in descendants(h, into_functions=False))
            if handled and any(root in names for root in _called(attempt.body)):
                return True
    return False


_LOOPS = frozenset({cst.For, cst.While})


def _called(block: cst.BaseSuite) -> Iterator[str]:
    """The variables that are called in a block, or a method of which is."""
    for call in nodes_of(cst.Call, descendants(block, into_functions=False)):
        callee: cst.CSTNode = call.func
        while isinstance(callee, (cst.Attribute, cst.Call)):
            callee = callee.value if isinstance(callee, cst.Attribute) else callee.func
        if isinstance(callee, cst.Name):
            yield callee.value

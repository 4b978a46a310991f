"""What is in a tree: children of a node, what is below it, the names in it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from functools import cache
from operator import attrgetter
from typing import Any, TypeVar, cast

import libcst as cst

Node = TypeVar("Node", bound=cst.CSTNode)

# Layout, not meaning: these fields hold whitespace and punctuation.
_LAYOUT = frozenset({
    "lpar", "rpar", "comma", "semicolon", "equal", "colon", "lbracket", "rbracket", "lbrace", "rbrace",
    "header", "footer", "indent", "leading_lines", "lines_after_decorators", "trailing_whitespace", "newline",
    "dot", "separator", "star_etc", "first_colon", "second_colon", "operator", "encoding", "default_indent",
    "default_newline", "has_trailing_newline", "start", "end", "conversion", "format_spec_equal",
})  # fmt: skip


@cache
def _semantic_fields(kind: Hashable) -> tuple[str, ...]:
    """Names of the fields of a node class that carry meaning, in source order as far as LibCST keeps it."""
    return tuple(
        f.name
        for f in dataclasses.fields(cast("type[cst.CSTNode]", kind))
        if f.name not in _LAYOUT and not f.name.startswith("whitespace")
    )


@cache
def _is_node(kind: Hashable) -> bool:
    """`issubclass` of an abstract base class is slow, and asked for every field of every node."""
    return issubclass(cast("type", kind), cst.CSTNode)


@cache
def _values(kind: Hashable) -> Callable[[cst.CSTNode], tuple[Any, ...]]:
    """What gets all those fields of a node at once: it is the innermost loop of all that looks at trees."""
    names = _semantic_fields(kind)
    if len(names) > 1:
        return attrgetter(*names)
    if not names:
        return lambda _: ()
    only = attrgetter(*names)
    return lambda node: (only(node),)


def children(node: cst.CSTNode) -> list[cst.CSTNode]:
    """Child nodes that carry meaning."""
    found: list[cst.CSTNode] = []
    for value in _values(type(node))(node):
        kind = type(value)
        if value is None or kind is str:
            continue
        if kind is tuple or kind is list:
            found += value  # of nodes, whichever field it is
        elif _is_node(kind):  # type: ignore[arg-type]
            found.append(value)
    return found


_DEFINITIONS = frozenset({cst.FunctionDef, cst.Lambda, cst.ClassDef})
_VALUED = frozenset({cst.Attribute, cst.Arg})
_CHILDLESS = frozenset({cst.Name, cst.SimpleString, cst.Integer, cst.Float, cst.Ellipsis, cst.Pass})


def descendants(node: cst.CSTNode, into_functions: bool = True) -> Iterator[cst.CSTNode]:
    """The node and everything below it, in source order; bodies of nested functions and classes only if asked."""
    stack = [node]
    while stack:
        current = stack.pop()
        yield current
        kind = type(current)
        if kind in _CHILDLESS or (not into_functions and kind in _DEFINITIONS and current is not node):
            continue
        below = children(current)
        if len(below) > 1:
            below.reverse()
        stack += below


def nodes_of(kind: type[Node], nodes: Iterable[cst.CSTNode]) -> list[Node]:
    """Those of a class that has no subclasses; to ask for an abstract one's (`isinstance`) is slow."""
    return [n for n in nodes if type(n) is kind]


def operands(node: cst.CSTNode) -> list[cst.CSTNode]:
    """Child nodes that carry meaning, but neither names of attributes nor keywords: of `f(a=b, c=d.e)`, `b` and `d` are
    variables, `a`, `c` and `e` are not."""
    return [cast("cst.Attribute | cst.Arg", node).value] if type(node) in _VALUED else children(node)


def nonlocals(node: cst.CSTNode) -> frozenset[str]:
    """Names that a node, or a function nested in it, binds although they are of a function around."""
    return frozenset(item.name.value for inner in nodes_of(cst.Nonlocal, descendants(node)) for item in inner.names)


def variables(node: cst.CSTNode) -> frozenset[str]:
    """Names of the variables that stand in a node and below it, in nested functions too."""
    return frozenset(name.value for name in variable_nodes(node))


def variable_nodes(node: cst.CSTNode) -> Iterator[cst.Name]:
    """Where variables stand in a node and below it, in nested functions too; in no order."""
    stack = [node]
    while stack:
        current = stack.pop()
        if isinstance(current, cst.Name):
            yield current
        else:
            stack += operands(current)


def body_of(node: cst.BaseSuite) -> Sequence[cst.CSTNode]:
    """Statements of a suite; those that stand behind a colon on its line are one line of simple statements."""
    return [node] if isinstance(node, cst.SimpleStatementSuite) else node.body


def is_super(node: cst.CSTNode) -> bool:
    """True for `super()`, with or without arguments."""
    return isinstance(node, cst.Call) and dotted(node.func) == "super"


def dotted(node: cst.CSTNode) -> str:
    """`a.b.c` of a name or attribute chain; empty when it is anything else."""
    parts: list[str] = []
    while type(node) is cst.Attribute:  # asked for every call: `isinstance` of an abstract base class is slow
        parts.append(node.attr.value)
        node = node.value
    if type(node) is not cst.Name:
        return ""
    parts.append(node.value)
    return ".".join(reversed(parts))


def spelled(node: cst.CSTNode) -> str:
    """How a reader would name what is called: `a.b` as it stands, `a().b` and `a[].b` without what is handed over, and
    `….b` of anything else."""
    if isinstance(node, cst.Name):
        return node.value
    if isinstance(node, cst.Attribute):
        return f"{spelled(node.value)}.{node.attr.value}"
    if isinstance(node, cst.Call):
        return f"{spelled(node.func)}()"
    if isinstance(node, cst.Subscript):
        return f"{spelled(node.value)}[]"
    return "…"


def loops_of(loop: cst.CompFor | None) -> Iterator[cst.CompFor]:
    """The `for` of a comprehension, and those inside it."""
    while loop is not None:
        yield loop
        loop = loop.inner_for_in


def is_none(node: cst.CSTNode) -> bool:
    """True for `None`, which is a name like any other in a tree."""
    return isinstance(node, cst.Name) and node.value == "None"


def unawaited(node: cst.BaseExpression) -> cst.BaseExpression:
    """What an expression awaits, or the expression itself."""
    return node.expression if isinstance(node, cst.Await) else node

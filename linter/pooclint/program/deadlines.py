"""Limits in time that code sets around other code: `async with asyncio.timeout(5)`, `wait_for(..., 5)`."""

from __future__ import annotations

from dataclasses import dataclass, field

import libcst as cst

from pooclint.models import Parameter
from pooclint.program.names import Names
from pooclint.program.scopes import Function, Index, Scope
from pooclint.source.nodes import children

_DEFINITIONS = (cst.FunctionDef, cst.Lambda, cst.ClassDef)


@dataclass(frozen=True, slots=True)
class Deadline:
    """A call that limits how long what it wraps may take."""

    node: cst.Call
    parameter: Parameter
    """The argument that says how long."""


@dataclass(slots=True)
class Deadlines:
    """The deadlines around the calls of a file. Its only state is a memo."""

    names: Names
    index: Index
    _around: dict[int, dict[int, tuple[Deadline, ...]]] = field(default_factory=dict)

    def around(self, node: cst.Call, function: Function | None) -> tuple[Deadline, ...]:
        """The deadlines that hold for a call, the innermost last, as far as its own function sets them.

        Args:
            node: the call.
            function: the one that it stands in; None for the module.
        """
        key = id(function)
        if key not in self._around:
            root: cst.CSTNode = function.node.body if function else self.index.module
            self._around[key] = self._walk(root, function.scope if function else self.index.scope)
        return self._around[key].get(id(node), ())

    def _walk(self, root: cst.CSTNode, scope: Scope) -> dict[int, tuple[Deadline, ...]]:
        found: dict[int, tuple[Deadline, ...]] = {}
        todo: list[tuple[cst.CSTNode, tuple[Deadline, ...]]] = [(root, ())]
        while todo:
            node, active = todo.pop()
            if isinstance(node, _DEFINITIONS) and node is not root:
                continue
            if isinstance(node, cst.With):
                for item in node.items:
                    todo.append((item, active))
                    if isinstance(item.item, cst.Call):
                        active = (*active, *self._set_by(item.item, scope))
                todo.append((node.body, active))
                continue
            if isinstance(node, cst.Call):
                if active:
                    found[id(node)] = active
                todo += self._passed(node, scope, active)
                continue
            todo += [(child, active) for child in children(node)]
        return found

    def _passed(
        self, node: cst.Call, scope: Scope, active: tuple[Deadline, ...]
    ) -> list[tuple[cst.CSTNode, tuple[Deadline, ...]]]:
        """What is below a call; a deadline of its own holds for the arguments that it waits for."""
        passes = [p for c in self.names.calls(node, scope) for p in c.passes]
        own = self._set_by(node, scope) if passes else ()
        below: list[tuple[cst.CSTNode, tuple[Deadline, ...]]] = [(node.func, active)]
        for index, argument in enumerate(node.args):
            key = argument.keyword.value if argument.keyword else index
            below.append((argument.value, (*active, *own) if key in passes or "*" in passes else active))
        return below

    def _set_by(self, node: cst.Call, scope: Scope) -> tuple[Deadline, ...]:
        found = (c.timeouts.get("deadline") for c in self.names.calls(node, scope))
        return tuple(Deadline(node, parameter) for parameter in found if parameter)

"""What runs once in a process that ends with it: `main`, commands of a command line, and what a script calls once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

import libcst as cst

from pooclint.program.requests import RequestScopes
from pooclint.program.scopes import Function
from pooclint.source.nodes import descendants, nodes_of

_LOOPS = frozenset({cst.For, cst.While, cst.ListComp, cst.SetComp, cst.DictComp, cst.GeneratorExp})


@dataclass(slots=True)
class Scripts:
    """Which functions of a file these are. Its only state is a memo."""

    scopes: RequestScopes
    _entries: frozenset[int] | None = field(default=None)

    def runs_once(self, function: Function) -> bool:
        """True for such a function, and for one that is nested in it."""
        if self._entries is None:
            self._entries = frozenset(id(f) for f in self._found())
        current: Function | None = function
        while current is not None:
            if id(current) in self._entries:
                return True
            current = current.parent.function
        return False

    def happens_once(self, function: Function, node: cst.CSTNode) -> bool:
        """True for a node of such a function that no loop of it comes to again and again."""
        return self.runs_once(function) and id(node) not in _repeated(function.node.body)

    def _found(self) -> list[Function]:
        index = self.scopes.index
        found = [f for f in index.functions.values() if _is_main(f) or self.scopes.is_command(f)]
        guards = [n.body for n in index.module.body if isinstance(n, cst.If) and _asks_for_main(n.test)]
        if not guards and not found:
            return []
        own = {f.name: f for f in index.functions.values() if f.parent.kind == "module"}
        mentions = Counter(n.value for n in nodes_of(cst.Name, descendants(index.module)))
        # Where it is defined, and where it is called.
        once = {name: function for name, function in own.items() if mentions[name] == 2}
        found += (own[name] for guard in guards for name in _mentioned(guard) if name in own)
        for function in found:  # which grows
            found += [once.pop(name) for name in _mentioned(function.node.body) if name in once]
        return found


def _is_main(function: Function) -> bool:
    return function.parent.kind == "module" and function.name == "main"


def _asks_for_main(test: cst.BaseExpression) -> bool:
    match test:
        case cst.Comparison(left=cst.Name(value="__name__"), comparisons=[cst.ComparisonTarget(operator=cst.Equal())]):
            return True
    return False


def _mentioned(body: cst.CSTNode) -> Iterator[str]:
    """Names in a body that no loop asks for again and again."""
    repeated = _repeated(body)
    yield from (n.value for n in nodes_of(cst.Name, descendants(body)) if id(n) not in repeated)


def _repeated(body: cst.CSTNode) -> set[int]:
    return {id(n) for loop in descendants(body) if type(loop) in _LOOPS for n in descendants(loop)}

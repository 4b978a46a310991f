"""What a decorator of the project does with the result of the function that it wraps."""

from __future__ import annotations

import libcst as cst

from pooclint.program.scopes import Function, descendants


def keeps_result(decorator: Function) -> bool:
    """True when a decorator, or a factory of decorators, puts what the wrapped function returned into a container or
    on an object: a cache of one's own, so that callers share the result. A `__new__`, and the `__call__` of a
    metaclass, do so with the one object of a class."""
    inner = [n for n in descendants(decorator.node.body) if isinstance(n, cst.FunctionDef)]
    makers = {p.name for p in decorator.parameters}
    makers |= {p.name.value for f in inner for p in f.params.params}
    made: set[str] = set()
    for node in descendants(decorator.node.body):
        match node:
            case cst.Assign(targets=targets, value=value) if _makes(value, makers, made):
                for target in targets:
                    if isinstance(target.target, (cst.Subscript, cst.Attribute)):
                        return True
                    if isinstance(target.target, cst.Name):
                        made.add(target.target.value)
            case cst.Call(func=cst.Attribute(attr=cst.Name(value="setdefault")), args=[_, cst.Arg(value=value)]):
                if _makes(value, makers, made):
                    return True
    return False


def _makes(node: cst.BaseExpression, makers: set[str], made: set[str]) -> bool:
    if isinstance(node, cst.Await):
        node = node.expression
    if isinstance(node, cst.Name):
        return node.value in made
    match node:
        case cst.Call(func=cst.Name(value=name)):
            return name in makers
        case cst.Call(func=cst.Attribute(attr=cst.Name(value=name))):
            return name in _MAKING  # `super().__call__(*args)`
    return False


_MAKING = frozenset({"__call__", "__new__"})

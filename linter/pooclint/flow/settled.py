"""What the call that makes an object settles for good: attributes that only its constructor sets, and to what."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import libcst as cst

from pooclint.flow.switches import Literals, by_text
from pooclint.program.literals import literal
from pooclint.program.names import Names
from pooclint.program.pool_identity import Pools
from pooclint.program.scopes import Class, Function, Scope
from pooclint.source.nodes import descendants, nodes_of, variables
from pooclint.source.targets import paths, target_of

_MAX_STEPS = 6
"""Names of names, and functions that return what another gives, are followed this far; so are constructors of bases."""
_BY_NAMES = frozenset({"setattr", "vars"})
"""What may set any attribute."""


@dataclass(frozen=True, slots=True)
class Making:
    """How an object comes about, where it is in sight from there to its use."""

    owner: Class
    """Its class, and no other that derives from it."""
    node: cst.Call
    scope: Scope
    """Where the call stands."""
    set_later: frozenset[str] = frozenset()
    """Attributes that those set who have it in a variable."""


def making(names: Names, node: cst.BaseExpression, scope: Scope, steps: int = 0) -> Making | None:
    """How what an expression stands for is made, there or by a function that returns it; None where that is not known,
    or somebody else may get at its attributes: it is a variable of the module, or an attribute of another object."""
    if steps > _MAX_STEPS:
        return None
    match node:
        case cst.Await(expression=inner) | cst.NamedExpr(value=inner):
            return making(names, inner, scope, steps)
        case cst.Name(value=name):
            found = scope.lookup(name)
            if found is None or found[0].function is None or len(found[1]) != 1:
                return None
            holder, [binding] = found
            if binding.kind != "assign" or binding.value is None or binding.entered:
                return None
            return _in_variable(making(names, binding.value, holder, steps + 1), name, found[0].function)
        case cst.Call():
            defined = names.definition(node.func, scope, interest="anything")
            if isinstance(defined, Class):
                return Making(defined, node, scope)
            return _returned(names, defined, steps) if defined is not None else None
    return None


def _in_variable(made: Making | None, name: str, function: Function) -> Making | None:
    if made is None:
        return None
    bound = (path for n in function.body_nodes if (target := target_of(n)) is not None for path in paths(target))
    own = frozenset(path.removeprefix(f"{name}.") for path in bound if path.startswith(f"{name}."))
    return Making(made.owner, made.node, made.scope, made.set_later | own)


def _returned(names: Names, function: Function, steps: int) -> Making | None:
    """What a function makes that returns nothing else."""
    if function.is_generator or isinstance(function.node, cst.Lambda) or names.runs_once(function):
        return None
    returned = [n.value for n in nodes_of(cst.Return, function.body_nodes)]
    value = returned[0] if len(returned) == 1 else None
    return making(names, value, function.scope, steps + 1) if value is not None else None


def settled(names: Names, pools: Pools, made: Making, wanted: Iterable[str]) -> Iterator[tuple[str, object]]:
    """Attributes of an object with what they stand for, where that is nothing, zero, True or False: texts and figures
    switch nothing off.

    Args:
        names: Look-up of names.
        pools: Look-up of arguments.
        made: How the object is made.
        wanted: The attributes that are asked for.
    """
    lineage = list(names.ancestors(made.owner))
    methods = [m for c in lineage for m in c.methods.values()]
    if any(variables(m.node.body) & _BY_NAMES or _names_all(m) for m in methods):
        return
    for attribute in wanted:
        if attribute in made.set_later or any(attribute in c.methods for c in lineage):
            continue
        value = _settled(names, pools, made, attribute, lineage, methods)
        if value is True or value in (None, False, 0):
            yield attribute, value


def _names_all(method: Function) -> bool:
    return any(n.attr.value == "__dict__" for n in nodes_of(cst.Attribute, descendants(method.node.body)))


def _settled(
    names: Names, pools: Pools, made: Making, attribute: str, lineage: list[Class], methods: list[Function]
) -> object:
    """What an attribute stands for as long as its object lives; `...` where that is not known."""
    setters = [m for m in methods for n in descendants(m.node.body) if _sets(n, attribute, m)]
    if not setters:
        return _declared(names, made, attribute, lineage)
    if len(setters) != 1:
        return ...
    value = _assigned(setters[0], attribute)
    if value is None:
        return ...
    constructor, node, scope = names.method(made.owner, "__init__"), made.node, made.scope
    known: Literals = {}
    for _ in range(_MAX_STEPS):
        if constructor is None:
            return ...
        own = [n for n, bound in constructor.scope.bindings.items() if all(b.kind == "parameter" for b in bound)]
        known = by_text(names, pools, constructor, own, node, scope, known)
        if constructor is setters[0]:
            return known.get(value.value, ...) if isinstance(value, cst.Name) and value.value in own else literal(value)
        handed = [n for n in nodes_of(cst.Call, constructor.body_nodes) if _is_of_base(n)]
        if len(handed) != 1:
            return ...
        node, scope = handed[0], constructor.scope
        above = lineage[next(i for i, c in enumerate(lineage) if c is constructor.owner) + 1 :]
        constructor = next((c.methods["__init__"] for c in above if "__init__" in c.methods), None)
    return ...


def _sets(node: cst.CSTNode, attribute: str, method: Function) -> bool:
    target = target_of(node)
    own = method.parameters[0].name if method.parameters else ""
    return target is not None and f"{own}.{attribute}" in paths(target)


def _assigned(method: Function, attribute: str) -> cst.BaseExpression | None:
    """What a constructor assigns to an attribute under no condition."""
    if method.name != "__init__":
        return None
    for line in method.node.body.body if isinstance(method.node.body, cst.IndentedBlock) else ():
        for node in line.body if isinstance(line, cst.SimpleStatementLine) else ():
            for target in (node, *(node.targets if isinstance(node, cst.Assign) else ())):
                if _sets(target, attribute, method) and isinstance(node, (cst.Assign, cst.AnnAssign)):
                    return node.value
    return None


def _is_of_base(node: cst.Call) -> bool:
    match node.func:
        case cst.Attribute(value=cst.Call(func=cst.Name(value="super")), attr=cst.Name(value="__init__")):
            return True
    return False


def _declared(names: Names, made: Making, attribute: str, lineage: list[Class]) -> object:
    """What an attribute of the class stands for, or a field of a data class."""
    bound = next((b for c in lineage if (b := c.scope.bindings.get(attribute))), [])
    if len(bound) != 1 or bound[0].value is None:
        return ...
    if names.method(made.owner, "__init__") is None:
        if any(a.star or a.keyword is None for a in made.node.args):
            return ...
        given = [a.value for a in made.node.args if a.keyword is not None and a.keyword.value == attribute]
        if given:
            return literal(given[0])
    return literal(bound[0].value)

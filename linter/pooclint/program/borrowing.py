"""What a class does with what its constructor is given, and whether all that may happen to it is in sight."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import libcst as cst

from pooclint.program.attributes import in_sight, life_cycle, methods_of, taken
from pooclint.program.names import Names
from pooclint.program.scopes import Class, Function, Scope
from pooclint.source.nodes import children, operands


def takes_over(
    names: Names, owner: Class, constructor: Function, through: frozenset[str], releases: frozenset[str]
) -> frozenset[str]:
    """Whether the methods of a class do more than use what its constructor was given.

    Args:
        names: Look-up of names and types.
        owner: The class.
        constructor: Its constructor.
        through: The parameters of that for which it was given.
        releases: Names of the methods that release what was given.

    Returns:
        Of `releases` and `passes-on`, what they do with it: none for an object that has only borrowed it, both where
        nothing is known of what the constructor keeps. Besides, `unseen` where something else may do so.
    """
    key = (id(owner), through, releases)
    found = _takes_over(names, owner, constructor, through, releases)
    return names.circles.once(names.takes_over, key, lambda: frozenset(found))


def _takes_over(
    names: Names, owner: Class, constructor: Function, through: frozenset[str], releases: frozenset[str]
) -> Iterator[str]:
    family = list(names.ancestors(owner))
    given = {
        attribute
        for current in family
        for attribute, values in current.attributes.items()
        for value, scope in values
        if isinstance(value, cst.Name)
        and scope.function in current.methods.values()
        and _is_parameter(value, scope)
        # What a base calls it, or another method, nobody knows.
        and (scope.function is not constructor or value.value in through)
    }
    if _not_all_in_sight(names, owner, constructor) or not all(_is_only_stored(constructor, p) for p in through):
        yield "unseen"
    if not given or life_cycle(names, owner):
        yield "releases"
    if not given:
        yield "passes-on"
    for method, own in methods_of(family):
        if method.name == "__init__":
            continue
        passed_on = taken(method, own, frozenset()) & given
        if passed_on:
            yield "passes-on"
        if taken(method, own, releases) & given - passed_on:
            yield "releases"


def _is_parameter(value: cst.Name, scope: Scope) -> bool:
    return scope.function is not None and any(p.name == value.value for p in scope.function.parameters)


def only_keeps(names: Names, owner: Class, attribute: str, releases: frozenset[str]) -> bool:
    """True when an object of the class does nothing with what somebody else puts on an attribute of it, but keep and
    use it.

    Args:
        names: look-up of names and types.
        owner: the class.
        attribute: the attribute.
        releases: names of the methods that release what is put there.
    """
    key = (id(owner), attribute, releases)
    return names.circles.once(names.only_keeps, key, lambda: _only_keeps(names, owner, attribute, releases))


def _only_keeps(names: Names, owner: Class, attribute: str, releases: frozenset[str]) -> bool:
    methods = {n: m for c in names.ancestors(owner) for n, m in c.methods.items()}
    if _not_all_in_sight(names, owner, names.method(owner, "__init__")) or life_cycle(names, owner):
        return False
    if attribute in methods or "__setattr__" in methods:
        return False
    later = ((m, own) for m, own in methods_of(list(names.ancestors(owner))) if m.name != "__init__")
    return not any(attribute in taken(method, own, releases) for method, own in later)


def _not_all_in_sight(names: Names, owner: Class, constructor: Function | None) -> bool:
    """True when something else than what is read of a class may release what an object of it keeps: a base that is not
    in sight, a decorator, whoever its `__new__` or constructor shows the object to."""
    if not in_sight(names, owner):
        return True
    if constructor is None:
        return False
    methods = frozenset(n for c in names.ancestors(owner) for n in c.methods)
    return any(True for _ in handed_out(names, constructor, constructor.node.body, methods))


def _is_only_stored(constructor: Function, parameter: str) -> bool:
    """True where a constructor does nothing with a parameter but to assign it, and to call methods of it."""
    stack: list[cst.CSTNode] = [constructor.node.body]
    while stack:
        node = stack.pop()
        match node:
            case cst.Name(value=name) if name == parameter:
                return False
            case cst.Assign(targets=targets, value=cst.Name()):
                stack += targets
            case cst.AnnAssign(target=target, value=cst.Name()):
                stack.append(target)
            case cst.Call(func=cst.Attribute(value=cst.Name()), args=args):
                stack += args
            case _:
                stack += operands(node)
    return True


def handed_out(
    names: Names, constructor: Function, node: cst.CSTNode, methods: frozenset[str]
) -> Iterator[cst.CSTNode]:
    """Places where a constructor does more with its object than to fill attributes, call methods, and build parts of it
    that refer to it: whoever gets it, or a method of it, may release it, at the end of the process if need be."""
    own = constructor.parameters[0].name
    inside: Sequence[cst.CSTNode] = ()
    match node:
        case cst.Call(func=cst.Attribute(value=cst.Name(value=name)), args=args) if name == own:
            inside = args
        case cst.Call(
            func=cst.Attribute(attr=cst.Name(value="__init__")), args=[cst.Arg(value=cst.Name(value=name)), *others]
        ) if name == own:
            inside = others  # what `super().__init__()` would be
        case cst.Assign(
            targets=[cst.AssignTarget(target=cst.Attribute(value=cst.Name(value=name)))], value=cst.Call() as built
        ) if name == own and isinstance(names.definition(built.func, constructor.scope), Class):
            inside = [a for a in built.args if not isinstance(a.value, cst.Name) or a.value.value != own]
        case cst.Attribute(value=cst.Name(value=name), attr=cst.Name(value=attribute)) if name == own:
            if attribute in methods:
                yield node
        case cst.Name(value=name) if name == own:
            yield node
        case _:
            inside = children(node)
    for child in inside:
        yield from handed_out(names, constructor, child, methods)

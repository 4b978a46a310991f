"""How a class, its relatives and the file around them use the attributes of its objects, as far as the text tells."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import libcst as cst

from pooclint.program.literals import literal
from pooclint.program.names import Names
from pooclint.program.scopes import Class, Function, Index, Scope
from pooclint.source.nodes import children, dotted, operands
from pooclint.source.targets import place_of

PROTOCOL = frozenset({"__exit__", "__aexit__", "__del__"})
"""Methods that the interpreter calls when an object is done with."""
_LOOK_UPS = frozenset({"builtins.getattr", "builtins.setattr", "builtins.delattr", "operator.attrgetter"})
"""What takes the names of attributes."""
_KNOWN_ROOTS = frozenset({"builtins", *sys.stdlib_module_names})


def relatives(names: Names, owner: Class) -> list[Class]:
    """The class, its bases, its subclasses in this file, and the bases that it meets in them."""
    found = {id(c): c for c in names.ancestors(owner)}
    for other in owner.scope.module.classes.values():
        lineage = list(names.ancestors(other))
        if any(c is owner for c in lineage):
            found |= {id(c): c for c in lineage}
    return list(found.values())


def methods_of(family: list[Class]) -> Iterator[tuple[Function, str]]:
    """Methods of the classes, and functions nested in them, with the name that each has for the object."""
    members = {id(c) for c in family}
    modules = {id(c.scope.module): c.scope.module for c in family}
    for function in (f for module in modules.values() for f in module.parsed_functions):
        outermost = function
        while outermost.owner is None and outermost.parent.function:
            outermost = outermost.parent.function
        if outermost.owner is not None and id(outermost.owner) in members and outermost.parameters:
            own = outermost.parameters[0].name
            if function is outermost or all(p.name != own for p in function.parameters):
                yield function, own


def taken(function: Function, own: str, releases: frozenset[str]) -> set[str]:
    """Attributes and methods of the object with which a method does more than use what they give: calling a harmless
    method on that, or reading an attribute, neither releases it nor hands it out."""
    found: set[str] = set()
    stack: list[cst.CSTNode] = [function.node.body]
    while stack:
        node = stack.pop()
        if isinstance(node, cst.Attribute):
            released = node if node.attr.value in releases else None
            while released and isinstance(released.value, cst.Attribute):  # `self.client.pool.close()`
                released = released.value
            node = released or node
            if isinstance(node.value, cst.Name) and node.value.value == own:
                found.add(node.attr.value)
                continue
            if not released:
                inner = node.value.expression if isinstance(node.value, cst.Await) else node.value
                if isinstance(inner, cst.Call):
                    stack += inner.args
                    inner = inner.func
                if dotted(inner).startswith(own + ".") and dotted(inner).count(".") == 1:
                    continue
        if node is function.node.body or not isinstance(node, (cst.FunctionDef, cst.Lambda, cst.ClassDef)):
            stack += children(node)
    return found


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a node stands."""

    scope: Scope
    own: str = ""
    """The name of the object in a method."""
    related: bool = False
    """True in the methods of the class and its relatives."""


def answered_outside(
    names: Names,
    module: Index,
    family: list[Class],
    wanted: frozenset[str],
    on_self: bool = True,
    apart: Function | None = None,
) -> Iterator[str]:
    """Attributes that something else in the file gets, or that a release by name or a look-up by string may mean, there
    or in a relative of another file.

    Args:
        names: look-up of names and types.
        module: the file.
        family: the class and its relatives.
        wanted: the attributes.
        on_self: False to leave out what their own methods release.
        apart: a function that is left aside.
    """
    releases = names.models.release_names | PROTOCOL
    methods = {id(f.node): (f, own, False) for f, own in methods_of(list(module.classes.values()))}
    methods |= {id(f.node): (f, own, True) for f, own in methods_of(family)}
    stack: list[tuple[cst.CSTNode, _Place, str]] = [(module.module, _Place(module.scope), "")]
    stack += [(c.node, _Place(c.parent), "") for c in family if c.scope.module is not module]
    written: set[str] = set()
    by_name = False
    while stack:
        node, here, used = stack.pop()
        if apart is not None and node is apart.node:
            continue
        if isinstance(node, (cst.Import, cst.ImportFrom)):
            continue  # `from sqlalchemy.engine import Row` reads an attribute of nothing
        if isinstance(node, (cst.FunctionDef, cst.Lambda)) and (inner := here.scope.module.function(node)):
            _, own, related = methods.get(id(node), (inner, here.own, here.related))
            here = _Place(inner.scope, own, related)
        if isinstance(node, cst.Attribute):
            attribute = node.attr.value
            of_own = isinstance(node.value, cst.Name) and node.value.value == here.own
            ours = attribute in wanted and (
                (on_self and here.related) if of_own else _may_be(names, node.value, here.scope, family)
            )
            if ours and (used in releases or (not of_own and not used)):
                yield attribute
            if here.related and attribute == "__dict__" and _is_one(names, node.value, here, family):
                yield from wanted
            stack.append((node.value, here, attribute))
            continue
        if here.related and isinstance(node, cst.SimpleString):
            written.add(str(literal(node)))
            continue
        inside = children(node)
        if here.related and isinstance(node, cst.Call):
            called = names.qualify(node.func, here.scope)
            if called == "builtins.hasattr":
                continue  # it only asks
            asked = node.args[0].value if node.args and called in ("builtins.vars", "builtins.dir") else None
            if (asked is not None and _is_one(names, asked, here, family)) or (
                called == "builtins.getattr" and _any_name(node, here, releases)
            ):
                yield from wanted
            texts = [a for a in node.args if isinstance(a.value, cst.SimpleString)]
            if called in _LOOK_UPS or _is_handed(node, here.own):
                yield from wanted.intersection(str(literal(a.value)) for a in texts)
            by_name = by_name or _takes_names(names, node, called, here, family)
            # What another object is told of the same name (`Cache("entries")`) is no look-up.
            inside = [c for c in inside if c not in texts]
        stack += [(child, here, "") for child in inside]
    # In a sequence, a variable: whoever looks up by a name that is not written there may have it from here.
    if by_name:
        yield from wanted & written


def _is_handed(node: cst.Call, own: str) -> bool:
    """True where a call is one of a method of the object, or is given the object."""
    match node.func:
        case cst.Attribute(value=cst.Name(value=name)) if name == own:
            return True
        case cst.Attribute(value=cst.Call(func=cst.Name(value="super"))):
            return True
    return any(isinstance(a.value, cst.Name) and a.value.value == own for a in node.args)


def _takes_names(names: Names, node: cst.Call, called: str, here: _Place, family: list[Class]) -> bool:
    """True where a call may look up attributes of the object by names that are not written there."""
    given = [a.value for a in node.args]
    if called == "operator.attrgetter":
        return any(not isinstance(value, cst.SimpleString) for value in given)
    if called in _LOOK_UPS:
        computed = any(not isinstance(value, cst.SimpleString) for value in given[1:2])
        return computed and _may_be(names, given[0], here.scope, family)
    others = [v for v in given if not isinstance(v, cst.Name) or v.value != here.own]
    named = any(isinstance(v, (cst.Name, cst.Tuple, cst.List, cst.Set)) for v in others)
    return named and len(others) < len(given)


def _any_name(node: cst.CSTNode, here: _Place, releases: frozenset[str]) -> bool:
    """True where a method that releases takes attributes by names that it has from elsewhere."""
    function = here.scope.function
    computed = isinstance(node, cst.Call) and len(node.args) > 1 and literal(node.args[1].value) is ...
    return computed and function is not None and function.name in releases


def handled_outside(names: Names, apart: Function, place: str) -> bool:
    """True when something else in the file does more with an attribute or an element of that name, whatever it is of,
    than use or return what is there.

    Args:
        names: look-up.
        apart: the function that has put something there.
        place: the path, as of `place_of`.
    """
    releases = names.models.release_names | PROTOCOL
    wanted = place.rpartition(".")[2]
    stack: list[tuple[cst.CSTNode, str]] = [(apart.scope.module.module, "")]
    while stack:
        node, used = stack.pop()
        if node is apart.node or isinstance(node, cst.AssignTarget):
            continue
        path = place_of(node)
        if path.rpartition(".")[2] == wanted and (not used or used in releases):
            return True
        if isinstance(node, cst.Attribute):
            stack.append((node.value, node.attr.value))
            continue
        stack += [(child, "return" if isinstance(node, cst.Return) else "") for child in children(node)]
    return False


def _may_be(names: Names, node: cst.BaseExpression, scope: Scope, family: list[Class]) -> bool:
    """True unless the expression is known to be an object of another class."""
    type_name = names.type_of(node, scope)
    owner = names.local_class(type_name)
    return not type_name if owner is None else any(c is owner for c in family)


def _is_one(names: Names, node: cst.BaseExpression, here: _Place, family: list[Class]) -> bool:
    """True where the expression is the object, or is known to be one of its class or a relative."""
    if isinstance(node, cst.Name) and node.value == here.own:
        return True
    owner = names.local_class(names.type_of(node, here.scope))
    return owner is not None and any(c is owner for c in family)


def only_called(names: Names, owner: Class, attribute: str) -> bool:
    """True when the class, its relatives and the file around them do nothing with an attribute but fill and call it:
    nobody gets it, and no method of it is called. Asked for every call of it in every state, and worked out once."""
    key = (id(owner), attribute)
    return names.circles.once(names.only_called, key, lambda: _only_called(names, owner, attribute))


def _only_called(names: Names, owner: Class, attribute: str) -> bool:
    names.looks_around(owner.scope)
    family, wanted = relatives(names, owner), frozenset({attribute})
    if any(answered_outside(names, owner.scope.module, family, wanted)):
        return False
    for method, own in methods_of(family):
        path = f"{own}.{attribute}"
        inner = list(method.body_nodes)
        harmless = {id(n.func) for n in inner if isinstance(n, cst.Call)}
        harmless |= {id(n.target) for n in inner if isinstance(n, (cst.AssignTarget, cst.AnnAssign))}
        if any(isinstance(n, cst.Attribute) and dotted(n) == path and id(n) not in harmless for n in inner):
            return False
    return True


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


def has_unknown_base(names: Names, owner: Class) -> bool:
    """True when the class derives from one that is not in sight, and so may have a release that is not either."""
    for current in names.ancestors(owner):
        for node in current.bases:
            if isinstance(names.definition(node, current.parent, interest="anything"), Class):
                continue
            qualified = names.qualify(node, current.parent)
            if qualified.partition(".")[0] not in _KNOWN_ROOTS and not names.models.type(qualified):
                return True
    return False


def _not_all_in_sight(names: Names, owner: Class, constructor: Function) -> bool:
    """True when something else than what is read of a class may release what an object of it keeps: a base that is not
    in sight, a decorator, whoever its `__new__` or constructor shows the object to."""
    if names.modelled_base(owner) or has_unknown_base(names, owner):
        return True
    family = list(names.ancestors(owner))
    if any(c.node.decorators or c.node.keywords or "__new__" in c.methods for c in family):
        return True
    methods = frozenset(n for c in family for n in c.methods)
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


def builders(names: Names, owner: Class) -> list[tuple[cst.Call, Function | None]]:
    """Calls in this file that build an instance of the class or of a subclass, with the function that each is in."""
    found: list[tuple[cst.Call, Function | None]] = []
    for node, scope in owner.scope.module.visited:
        if isinstance(node, cst.Call):
            defined = names.definition(node.func, scope)
            if isinstance(defined, Class) and any(c is owner for c in names.ancestors(defined)):
                found.append((node, scope.function))
    return found


def is_local(node: cst.Call, function: Function) -> bool:
    """True when a call's result stays in a name of the function: it is neither returned nor stored."""
    name = ""
    for part in function.body_nodes:
        match part:
            case cst.Assign(targets=[cst.AssignTarget(target=cst.Name(value=target))], value=value) if value is node:
                name = "" if target in function.scope.declared_outside else target
            case cst.Return(value=cst.Name(value=used)) | cst.Assign(value=cst.Name(value=used)) if name == used:
                return False
    return bool(name)


def life_cycle(names: Names, owner: Class) -> Function | None:
    """A method by which an instance is released as a whole (`close`, `__exit__`)."""
    wanted = names.models.ending_names | PROTOCOL
    return next((f for c in names.ancestors(owner) for n, f in c.methods.items() if n in wanted), None)

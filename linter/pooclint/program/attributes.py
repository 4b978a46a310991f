"""How a class, its relatives and the file around them use the attributes of its objects, as far as the text tells."""

from __future__ import annotations

import sys
from collections.abc import Collection, Container, Iterable, Iterator
from dataclasses import dataclass

import libcst as cst

from pooclint.program.literals import literal
from pooclint.program.look_ups import is_one, looked_up, may_be
from pooclint.program.names import Names
from pooclint.program.scopes import Class, Function, Index, Scope
from pooclint.source.nodes import children, descendants, dotted, nodes_of
from pooclint.source.targets import place_of

PROTOCOL = frozenset({"__exit__", "__aexit__", "__del__"})
"""Methods that the interpreter calls when an object is done with."""
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


def other_names(names: Names, methods: Iterable[tuple[Function, str]], wanted: Container[str]) -> dict[str, str]:
    """The properties among methods that show one of these attributes, with that: another name for it."""
    return {f.name: attribute for f, _ in methods if (attribute := names.shows(f)) and attribute in wanted}


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


def named_of(function: Function, own: str) -> set[str]:
    """Attributes and methods of the object that a method names."""
    inner = nodes_of(cst.Attribute, function.body_nodes)
    return {n.attr.value for n in inner if isinstance(n.value, cst.Name) and n.value.value == own}


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a node stands."""

    scope: Scope
    own: str = ""
    """The name of the object in a method."""
    related: bool = False
    """True in the methods of the class and its relatives."""

    def releasing(self, releases: frozenset[str]) -> bool:
        """True in a function of one of these names."""
        return self.scope.function is not None and self.scope.function.name in releases


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
                (on_self and here.related) if of_own else may_be(names, node.value, here.scope, family)
            )
            if ours and (used in releases or (not of_own and not used)):
                yield attribute
            if here.related and attribute == "__dict__" and is_one(names, node.value, here.scope, here.own, family):
                yield from wanted
            stack.append((node.value, here, attribute))
            continue
        if here.related and isinstance(node, cst.SimpleString):
            written.add(str(literal(node)))
            continue
        inside = children(node)
        if here.related and isinstance(node, cst.Call):
            look_up = looked_up(names, node, here.scope, here.own, family)
            if look_up.every or (look_up.unnamed and here.releasing(releases)):
                yield from wanted
            yield from wanted & look_up.attributes
            by_name = by_name or look_up.computed
            inside = [child for child in inside if child not in look_up.texts]
        stack += [(child, here, "") for child in inside]
    # In a sequence, a variable: whoever looks up by a name that is not written there may have it from here.
    if by_name:
        yield from wanted & written


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


def not_yet_set(names: Names, constructor: Function, node: cst.CSTNode) -> frozenset[str]:
    """Attributes of the object that may have no value yet where a constructor has come to a node: neither the class nor
    a statement that has been run by then, nor a method called in one, gives them one."""
    key = (id(constructor), id(node))
    return names.circles.once(names.not_yet_set, key, lambda: _not_yet_set(names, constructor, node))


def _not_yet_set(names: Names, constructor: Function, node: cst.CSTNode) -> frozenset[str]:
    owner = constructor.owner
    if owner is None:
        return frozenset()
    done = [n for statement in _before(constructor.node, node) for n in descendants(statement)]
    inner = {id(n) for n in done}
    called = {word for call in nodes_of(cst.Call, done) if (word := _called_on_own(call, constructor))}
    family = list(names.ancestors(owner))
    on_class = {name for current in family for name in (*current.scope.bindings, *current.methods)}
    put = [(a, v, s.function) for c in family for a, values in c.attributes.items() for v, s in values]
    there = {a for a, v, f in put if id(v) in inner or (f is not None and f is not constructor and f.name in called)}
    return frozenset(a for a, _, _ in put) - there - on_class


def _called_on_own(node: cst.Call, method: Function) -> str:
    """The method of its own object, or of a base, that a call in a method runs."""
    match node.func:
        case cst.Attribute(value=cst.Name(value=name), attr=cst.Name(value=word)) if name == method.parameters[0].name:
            return word
        case cst.Attribute(value=cst.Call(func=cst.Name(value="super")), attr=cst.Name(value=word)):
            return word
    return ""


def _before(part: cst.CSTNode, node: cst.CSTNode) -> Iterator[cst.CSTNode]:
    """The plain statements that have been run, whichever way led there, when a part of the code has come to a node."""
    for child in children(part):
        if child is node:
            return
        if any(n is node for n in descendants(child)):
            yield from _before(child, node)
            return
        if isinstance(child, cst.SimpleStatementLine):
            yield child


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


def in_sight(names: Names, owner: Class) -> bool:
    """True where all that an object of a class does is read in its methods: no base is out of sight, no decorator,
    metaclass or `__new__` makes something else of it."""
    return not names.modelled_base(owner) and not has_unknown_base(names, owner) and made_as_usual(names, owner)


def made_as_usual(names: Names, owner: Class) -> bool:
    """True where no decorator, metaclass or `__new__` of the project decides what a call of the class gives."""
    family = names.ancestors(owner)
    return not any(c.node.decorators or c.node.keywords or "__new__" in c.methods for c in family)


def builders(names: Names, owner: Class, modules: Iterable[Index]) -> list[tuple[cst.Call, Function | None]]:
    """Calls in these files that build an instance of the class or of a subclass, with the function that each is in."""
    found: list[tuple[cst.Call, Function | None]] = []
    for node, scope in (pair for module in modules for pair in module.visited):
        if isinstance(node, cst.Call):
            defined = names.definition(node.func, scope)
            if isinstance(defined, Class) and any(c is owner for c in names.ancestors(defined)):
                found.append((node, scope.function))
    return found


def released_by_others(names: Names, owner: Class, modules: Iterable[Index], wanted: Collection[str]) -> Iterator[str]:
    """Attributes of objects of a class that these files release: `store.engine.dispose()`. What a method of an heir
    releases of its own object says nothing of others."""
    releases = names.models.release_names
    for node, scope in (pair for module in modules for pair in module.visited):
        match node:
            case cst.Call(
                func=cst.Attribute(
                    value=cst.Attribute(value=holder, attr=cst.Name(value=attribute)), attr=cst.Name(value=method)
                )
            ) if attribute in wanted and method in releases and (dotted(holder) or None) != scope.own_object:
                known = names.local_class(names.type_of(holder, scope))
                if known and any(c is owner for c in names.ancestors(known)):
                    yield attribute


def is_put_on_module(node: cst.Call, function: Function) -> bool:
    """True when a function puts what a call gives into a variable of the module."""
    targets = (
        t.target for n in function.body_nodes if isinstance(n, cst.Assign) and n.value is node for t in n.targets
    )
    return any(isinstance(t, cst.Name) and t.value in function.scope.declared_outside for t in targets)


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

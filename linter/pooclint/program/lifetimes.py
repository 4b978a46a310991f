"""How long what a call makes lives: it is used up in the function, goes back to the caller, or is stored somewhere.

The evaluator of `flow` says what becomes of an acquired resource, and whether it is stored at all; where it is stored,
and what becomes of the objects that keep it, is read here from the assignments, for the functions between a handler and
the place that builds a client.
"""

from __future__ import annotations

import enum
from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import pairwise

import libcst as cst

from pooclint.program.decorators import keeps_result
from pooclint.program.defaults import defaults, optional
from pooclint.program.literals import literal
from pooclint.program.names import Names
from pooclint.program.requests import Entry
from pooclint.program.running import ENTERED_BY, MADE_BY, Edges
from pooclint.program.scopes import Binding, Class, Function, Scope
from pooclint.source.nodes import descendants, dotted, nodes_of
from pooclint.source.targets import paths, target_of

_PUTTING = frozenset(
    {
        "append", "appendleft", "add", "insert", "put", "put_nowait", "set", "setdefault", "register",
        "enter_context", "enter_async_context", "push", "push_async_exit",
    }
)  # fmt: skip
"""Methods by which containers, registries and stacks of managers take what they are given."""
_PUTTING_SEVERAL = frozenset({"update", "extend"})
"""Methods by which they take what is in that."""


_MAX_STEPS = 4
"""Functions that build an object, and variables that stand for it, are followed this far."""


class Home(enum.Enum):
    """Where an object goes."""

    CALLER = enum.auto()
    """Returned or yielded."""
    OBJECT = enum.auto()
    """An attribute of the method's own object."""
    REQUEST = enum.auto()
    """Something that ends with the request."""
    STORED = enum.auto()
    """A global, a container or an attribute that outlives the call."""
    GIVEN = enum.auto()
    """Of these, something that the function was handed: how long that lives is not known."""


def homes(names: Names, function: Function, made: Collection[cst.CSTNode]) -> frozenset[Home]:
    """Where what these expressions of a function give goes; empty when it is only used there."""
    if isinstance(function.node, cst.Lambda):
        return frozenset({Home.CALLER}) if any(function.node.body is m for m in made) else frozenset()
    return _Flow(names, function, {id(m) for m in made}, set()).found()


def outlives(edges: Edges, entry: Entry, function: Function, node: cst.CSTNode) -> bool:
    """True when what `node` makes in `function` outlives the request that `entry` describes.

    What a function returns is looked for in its caller, and what it puts on its object where that was made, up to the
    handler.
    """
    names = edges.names
    chain = entry.chain if any(f is function for f in entry.chain) else (*entry.chain, function)
    made: dict[int, list[cst.CSTNode]] = {len(chain) - 1: [node]}
    for depth in range(len(chain) - 1, -1, -1):
        current = chain[depth]
        found = homes(names, current, made.get(depth, ()))
        if Home.STORED in found:
            return True
        if Home.OBJECT in found:
            making = _making(edges, chain, depth)
            if making is None:
                # What a framework makes for a request may see several events: a WebSocket has many messages.
                several = entry.kind == "event"
                return several or current.owner is None or not built_per_request(edges, current.owner, chain)
            made.setdefault(making[0], []).extend(making[1])
        if Home.CALLER in found and depth:
            made.setdefault(depth - 1, []).extend(edges.between(chain[depth - 1], current))
        if all(place >= depth for place in made):
            break
    # A function that runs to fill a variable runs once, whatever it makes on the way.
    return any(_fills(edges, caller, called) for caller, called in pairwise(chain))


def answer_lasts(edges: Edges, entry: Entry, function: Function, node: cst.CSTNode) -> bool:
    """True when what `node` answers in `function` is kept for later requests, and asked for only where it is not there
    yet: `if KEYS is None: KEYS = get(url).json()`."""
    names = edges.names
    chain = entry.chain if any(f is function for f in entry.chain) else (*entry.chain, function)
    made: Collection[cst.CSTNode] = (node,)
    for depth in range(len(chain) - 1, -1, -1):
        current = chain[depth]
        flow = _Flow(names, current, {id(m) for m in made}, set(), answers=True)
        found = flow.found()
        on_object = Home.OBJECT in found and current.owner and not built_per_request(edges, current.owner, chain)
        if (Home.STORED in found and Home.GIVEN not in found) or on_object:
            kept = flow.kept | frozenset(_set_by(current))
            return any(_asks_first(current, m, kept) for m in made) or any(
                _asks_first(caller, call, kept)
                for caller, called in pairwise(chain[: depth + 1])
                for call in edges.between(caller, called)
            )
        if depth == 0 or Home.CALLER not in found:
            return False
        made = edges.between(chain[depth - 1], current)
    return False


def _set_by(function: Function) -> Iterator[str]:
    """What a function sets that outlives it: variables of the module, attributes."""
    for node in function.body_nodes:
        target = target_of(node)
        for path in paths(target) if target is not None else ():
            if "." in path or path in function.scope.declared_outside:
                yield path


def _asks_first(function: Function, node: cst.CSTNode, wanted: Collection[str]) -> bool:
    """True when a node of a function is evaluated only under a condition that mentions one of these names or paths, or
    a variable that was read from there."""
    order = {id(n): place for place, n in enumerate(function.body_nodes)}
    for test, ends, part in _conditions(function):
        if order[id(part)] > order.get(id(node), -1):
            return False
        mentioned = {path for n in descendants(test) if (path := dotted(n))}
        read = (b.value for n in mentioned for b in function.scope.bindings.get(n, ()) if b.value is not None)
        mentioned |= {path for value in read for n in descendants(value) if (path := dotted(n))}
        if mentioned.intersection(wanted) and (ends or any(n is node for n in descendants(part))):
            return True
    return False


def _fills(edges: Edges, caller: Function, called: Function) -> bool:
    """True when one function calls another for nothing but what it then stores."""
    calls = edges.between(caller, called)
    found = [homes(edges.names, caller, (call,)) for call in calls]
    return bool(found) and all(Home.STORED in h and Home.GIVEN not in h for h in found)


def dropped(edges: Edges, chain: tuple[Function, ...], node: cst.CSTNode) -> bool:
    """True when what `node` makes in the last function of a chain is gone when the first one goes on: some function of
    the chain uses it up, and neither it nor what keeps it is stored or collected."""
    made: Collection[cst.CSTNode] = (node,)
    for depth in range(len(chain) - 1, -1, -1):
        current = chain[depth]
        flow = _Flow(edges.names, current, {id(m) for m in made}, set())
        found = flow.found()
        if flow.collected or found & {Home.STORED, Home.REQUEST}:
            return False
        if not found:
            return True
        builds = current.name == "__init__" and current.owner and not is_single(edges.names, current.owner)
        if depth == 0 or (Home.OBJECT in found and not builds):
            return False
        made = edges.between(chain[depth - 1], current)
    return False


def is_handed_in(edges: Edges, entry: Entry, function: Function, node: cst.CSTNode) -> bool:
    """True when `function` makes `node` for want of an argument that whoever calls it for the request gives it."""
    chain = entry.chain if entry.chain[-1] is function else (*entry.chain, function)
    wanted = frozenset(d.given for d in defaults(function) if d.made is node)
    calls = edges.between(chain[-2], function) if wanted and len(chain) > 1 else []
    return bool(calls) and all(isinstance(c, cst.Call) and _hands_in(c, chain[-2], function, wanted) for c in calls)


def _hands_in(call: cst.Call, caller: Function, called: Function, names: frozenset[str]) -> bool:
    passed_on = any(optional(argument.value, caller) or argument.star for argument in call.args)
    return not passed_on and _gives(call, called, names)


def is_guarded(edges: Edges, chain: tuple[Function, ...], node: cst.CSTNode, by: cst.CSTNode) -> bool:
    """True when a function of the chain builds `node`, or runs the next one, only under a condition about what lasts
    (`if self._client is None`), or about an argument that the one before gives it (`client or Client()`).

    Args:
        by: the expression of the first function that runs the second.
    """
    inner: list[cst.CSTNode] = [node]
    for position in range(len(chain) - 1, 0, -1):
        caller, current = chain[position - 1], chain[position]
        asked = frozenset(name for part in inner for name in _asked(current, part))
        calls: list[cst.CSTNode] = [by] if position == 1 else [*edges.between(caller, current)]
        if "" in asked or any(isinstance(call, cst.Call) and _gives(call, current, asked) for call in calls):
            return True
        inner = calls
    return False


_ASKING = frozenset({cst.If, cst.IfExp, cst.BooleanOperation})


def _asked(function: Function, node: cst.CSTNode) -> Iterator[str]:
    """The optional parameters that the conditions mention under which a node of a function is evaluated: those around
    it, and those with which the function may have ended before. Empty for what outlives the call."""
    optional = {p.name for p in function.parameters if p.default is not None}
    for test, ends, part in _conditions(function):
        names = {n.value for n in descendants(test) if isinstance(n, cst.Name)}
        lasting = any(_lasts(name, function) for name in names)
        if not lasting and not names & optional:
            continue
        if ends or any(n is node for n in descendants(part)):
            yield from names & optional
            yield from ("",) if lasting else ()


def _conditions(function: Function) -> Iterator[tuple[cst.BaseExpression, bool, cst.CSTNode]]:
    """The conditions of a function, with whether the function may end where one holds, and all that depends on it."""
    for part in function.body_nodes:
        if type(part) not in _ASKING:
            continue
        match part:
            case cst.If(test=test) | cst.IfExp(test=test) | cst.BooleanOperation(left=test):
                ends = isinstance(part, cst.If) and any(isinstance(n, cst.Return) for n in descendants(part.body))
                yield test, ends, part


def _lasts(name: str, function: Function) -> bool:
    """True for the method's own object, and for a variable of the module."""
    if function.owner and function.parameters and function.parameters[0].name == name:
        return True
    found = function.scope.lookup(name)
    return found is not None and found[0].kind == "module" and any(b.kind == "assign" for b in found[1])


def _gives(call: cst.Call, function: Function, names: frozenset[str]) -> bool:
    """True when a call gives one of these parameters a value other than None."""
    offset = 1 if function.owner else 0
    for position, argument in enumerate(call.args):
        if argument.star:
            return bool(names)
        place = function.parameters[position + offset : position + offset + 1]
        name = argument.keyword.value if argument.keyword else place[0].name if place else ""
        if name in names and literal(argument.value) is not None:
            return True
    return False


def is_single(names: Names, owner: Class) -> bool:
    """True for a class of which there is one object: its `__new__`, its metaclass or its decorator keeps that."""
    for current in names.ancestors(owner):
        new = current.methods.get("__new__")
        if new and keeps_result(new):
            return True
        makers = [a.value for a in current.node.keywords if a.keyword and a.keyword.value == "metaclass"]
        makers += [d.decorator for d in current.node.decorators]
        for maker in makers:
            defined = names.definition(maker, current.parent, interest="anything")
            call = names.method(defined, "__call__") if isinstance(defined, Class) else defined
            if isinstance(call, Function) and keeps_result(call):
                return True
    return False


def built_per_request(edges: Edges, owner: Class, chain: tuple[Function, ...]) -> bool:
    """True when objects of a class are made for one request: by a function of the chain, or by the framework."""
    names = edges.names
    lineage = {id(c) for c in names.ancestors(owner)}
    methods = (depth for depth, f in enumerate(chain) if f.owner and id(f.owner) in lineage)
    if any(_making(edges, chain, depth) for depth in methods):
        return True
    bases = names.base_names(owner)
    return any(bases.intersection(s.bases) for s in names.models.scopes if s.instance == "request")


def _making(edges: Edges, chain: tuple[Function, ...], depth: int) -> tuple[int, list[cst.CSTNode]] | None:
    """Where in a chain the object is made whose method one of its functions is: the place of the function that makes it
    (-1 for the framework), and the expressions by which it does. None where the object may have been there before.

    Args:
        depth: the place of the method.
    """
    for place in range(depth, 0, -1):
        caller, method = chain[place - 1], chain[place]
        by = edges.between(caller, method)
        if by and all(_runs_on_own(edges.names, node, method, caller) for node in by):
            continue
        made = [_made_for(edges.names, node, method, caller) for node in by]
        return (place - 1, [n for found in made for n in found]) if made and all(made) else None
    return (-1, []) if chain[0].name in MADE_BY else None


def _receiver(node: cst.BaseExpression, method: Function) -> cst.BaseExpression | None:
    """The object whose method an expression runs; None where the name of the method is not written there."""
    called = node.func if isinstance(node, cst.Call) else node
    return called.value if isinstance(called, cst.Attribute) and called.attr.value == method.name else None


def _runs_on_own(names: Names, node: cst.BaseExpression, method: Function, caller: Function) -> bool:
    """True where one method runs another of its own object (`self.open()`, `super().open()`, `Base.__init__(self)`), or
    of a part that this has made for itself (`self.store.open()`)."""
    receiver = _receiver(node, method)
    if receiver is None or caller.owner is None or not caller.parameters:
        return False
    own = caller.parameters[0].name
    match receiver:
        case cst.Attribute(value=cst.Name(value=name), attr=cst.Name(value=part)) if name == own:
            return _makes_part(names, caller.owner, part, 0)
        case cst.Call(func=cst.Name(value="super")):
            return True
    return method.name in MADE_BY or dotted(receiver) == own


def _made_for(names: Names, node: cst.BaseExpression, method: Function, caller: Function) -> Sequence[cst.CSTNode]:
    """The expressions of a function that build the object whose method another one runs; none where it may have been
    there before."""
    entered = method.name in ENTERED_BY
    receiver = _receiver(node, method) or (node if entered else None)
    if method.name in MADE_BY or (entered and receiver is node and isinstance(node, cst.Call)):
        return () if method.owner and is_single(names, method.owner) else (node,)
    return _building(names, receiver, caller) if receiver is not None else ()


def _building(names: Names, node: cst.BaseExpression, function: Function, steps: int = 0) -> Sequence[cst.CSTNode]:
    """The expressions of a function that build the object for which one of them stands, by a class of the project or by
    a function that does; none where it may have been there before."""
    if steps > _MAX_STEPS:
        return ()
    match node:
        case cst.Await(expression=inner):
            return _building(names, inner, function, steps)
        case cst.Call(func=func):
            defined = names.definition(func, function.scope, interest="anything")
            if isinstance(defined, Class):
                return () if is_single(names, defined) else (node,)
            return (node,) if defined and _gives_new(names, defined, steps + 1) else ()
        case cst.Name(value=name) if name not in function.scope.declared_outside:
            bindings = function.scope.bindings.get(name, ())
            values = [b.value for b in bindings if b.value is not None and _stands_for(names, node, b, function)]
            made = [_building(names, value, function, steps + 1) for value in values]
            return [n for found in made for n in found] if len(made) == len(bindings) and all(made) else ()
        case cst.Attribute(value=whole, attr=cst.Name(value=part)):
            owner = names.local_class(names.type_of(whole, function.scope))
            return (
                _building(names, whole, function, steps + 1) if owner and _makes_part(names, owner, part, steps) else ()
            )
    return ()


def _makes_part(names: Names, owner: Class, part: str, steps: int) -> bool:
    """True for an attribute or a property of which each object of a class makes the value for itself."""
    if steps > _MAX_STEPS:
        return False
    method = names.method(owner, part)
    if method is not None:
        values = _returned(method) if names.is_property(method) else []
        made = [value for value in values if _own_attribute(value, method) is None]
        kept = [attribute for value in values if (attribute := _own_attribute(value, method))]
        return all(_makes_part(names, owner, attribute, steps + 1) for attribute in kept) and _are_new(
            names, made, method, steps + 1, {Home.CALLER, Home.OBJECT}
        )
    family = list(names.ancestors(owner))
    shared = (b.value for c in family for b in c.scope.bindings.get(part, ()))
    put = [(v, s.function) for c in family for v, s in c.attributes.get(part, ()) if literal(v) is not None]
    if not put or any(value is not None and literal(value) is not None for value in shared):
        return False
    return all(f is not None and _are_new(names, [v], f, steps + 1, {Home.OBJECT}) for v, f in put)


def _own_attribute(node: cst.BaseExpression | None, method: Function) -> str | None:
    """The attribute of the method's object that an expression reads."""
    match node:
        case cst.Attribute(value=cst.Name(value=name), attr=cst.Name(value=attribute)) if method.parameters:
            return attribute if name == method.parameters[0].name else None
    return None


def _stands_for(names: Names, node: cst.Name, binding: Binding, function: Function) -> bool:
    """True where a name has the value that it is bound to, and not what entering that gives, if this is another."""
    if binding.kind != "assign" or binding.value is None:
        return False
    scope = function.scope
    return not binding.entered or names.type_of(node, scope) == names.type_of(binding.value, scope)


def _gives_new(names: Names, function: Function, steps: int) -> bool:
    """True for a function that builds what it returns each time, and keeps it nowhere."""
    if isinstance(function.node, cst.Lambda) or function.is_generator or names.runs_once(function):
        return False
    values = _returned(function)
    return bool(values) and _are_new(names, values, function, steps, {Home.CALLER})


def _returned(function: Function) -> list[cst.BaseExpression | None]:
    return [n.value for n in nodes_of(cst.Return, function.body_nodes)]


def _are_new(
    names: Names, values: Iterable[cst.BaseExpression | None], function: Function, steps: int, where: set[Home]
) -> bool:
    """True where a function builds the objects for which these expressions of it stand, and they go nowhere else."""
    made = [_building(names, value, function, steps) if value is not None else () for value in values]
    return all(made) and homes(names, function, [n for found in made for n in found]) <= where


_MOVING = frozenset({
    cst.Assign, cst.AnnAssign, cst.AugAssign, cst.NamedExpr, cst.Return, cst.Yield, cst.Call, cst.WithItem,
    cst.ListComp, cst.SetComp, cst.GeneratorExp, cst.DictComp, cst.For,
})  # fmt: skip


class _Flow:
    """The names and expressions of one function that lead to the object. Filled until nothing changes."""

    def __init__(
        self, names: Names, function: Function, made: set[int], carriers: set[str], answers: bool = False
    ) -> None:
        """Prepare to follow an object.

        Args:
            names: look-up.
            function: the function.
            made: the `id` of expressions that give it.
            carriers: variables that lead to it.
            answers: whether what is read from it, and made of that, counts as well.
        """
        self.answers = answers
        self.kept: set[str] = set()
        """Names and paths of what it is put on or into."""
        self.names = names
        self.function = function
        self.made = made
        self.carriers = carriers
        self.collected = False
        """True when something else of the function keeps it: a list of its own."""

    def found(self) -> frozenset[Home]:
        """Where it goes in the end."""
        parts = [n for n in self.function.body_nodes if type(n) in _MOVING]
        homes: set[Home] = set()
        known = -1
        while known != len(self.made) + len(self.carriers):
            known = len(self.made) + len(self.carriers)
            for part in parts:
                homes.update(self.moved_by(part))
        return frozenset(homes)

    def moved_by(self, node: cst.CSTNode) -> Iterator[Home]:
        """Where this part of the function takes the object."""
        match node:
            case cst.Assign(targets=targets, value=value) if self._leads(value):
                for target in targets:
                    yield from self._put(target.target)
            case cst.AnnAssign(target=target, value=value) if value is not None and self._leads(value):
                yield from self._put(target)
            case cst.NamedExpr(target=target, value=value) if self._leads(value):
                yield from self._put(target)
            case cst.AugAssign(target=target, value=value) if self._leads(value):
                yield from self._put(target)
                self.collected = True
            case cst.ListComp(elt=made) | cst.SetComp(elt=made) | cst.GeneratorExp(elt=made) | cst.DictComp(value=made):
                self.collected = self.collected or self._leads(made)
            case cst.For(target=cst.Name(value=name), iter=several) if self.answers and self._leads(several):
                self.carriers.add(name)
            case cst.Return(value=value) if value is not None and self._leads(value):
                yield Home.CALLER
            case cst.Yield(value=cst.BaseExpression() as value) if self._leads(value):
                yield Home.CALLER
            case cst.WithItem(item=item, asname=cst.AsName(name=cst.Name(value=name))) if self._leads(item):
                self.carriers.add(name)
            case cst.Call(args=[cst.Arg(value=target), _, cst.Arg(value=value)]) if self.names.qualify(
                node.func, self.function.scope
            ) == "builtins.setattr" and self._leads(value):
                yield from self._put(cst.Attribute(target, cst.Name("_")))
            case cst.Call(func=func) if any(self._leads(a.value) for a in node.args):
                if self._is_constructor_of_base(func):
                    yield Home.OBJECT
                elif isinstance(func, cst.Attribute) and self._puts(func.attr.value):
                    yield from self._put(func)
                elif self._builds(node):
                    self.made.add(id(node))

    def _is_constructor_of_base(self, func: cst.BaseExpression) -> bool:
        """True for `super().__init__` and `Base.__init__` in a constructor: the object keeps what it is given."""
        match func:
            case cst.Attribute(value=base, attr=cst.Name(value="__init__")) if self.function.name == "__init__":
                above = base.func if isinstance(base, cst.Call) else base
                return dotted(above) == "super" or isinstance(
                    self.names.definition(above, self.function.scope, interest="anything"), Class
                )
        return False

    def _puts(self, method: str) -> bool:
        return method in _PUTTING or (self.answers and method in _PUTTING_SEVERAL)

    def _builds(self, node: cst.Call) -> bool:
        """True when the call's value is an object that may keep what it is given."""
        scope = self.function.scope
        if isinstance(self.names.definition(node.func, scope), Class):
            return True
        if any(call.returns for call in self.names.calls(node, scope)):
            return True
        last = dotted(node.func).rpartition(".")[2]
        return last[:1].isupper() or last == "partial"

    def _leads(self, node: cst.BaseExpression) -> bool:
        """True when the value of the expression is the object, or something that keeps it."""
        if id(node) in self.made:
            return True
        match node:
            case cst.Name(value=name):
                return name in self.carriers
            case cst.Await(expression=inner) | cst.NamedExpr(value=inner):
                return self._leads(inner)
            case cst.BooleanOperation(left=left, right=right):
                return self._leads(left) or self._leads(right)
            case cst.IfExp(body=body, orelse=orelse):
                return self._leads(body) or self._leads(orelse)
            case cst.Attribute(value=inner) | cst.Subscript(value=inner):
                return self._leads(inner)
            case cst.Tuple(elements=elements) | cst.List(elements=elements) | cst.Set(elements=elements):
                return any(self._leads(e.value) for e in elements)
            case cst.Dict(elements=elements):
                return any(self._leads(e.value) for e in elements)
            case cst.ListComp(elt=inner) | cst.SetComp(elt=inner) | cst.DictComp(value=inner):
                return self._leads(inner) or (self.answers and self._leads(node.for_in.iter))
            case cst.Call(func=func) if self.answers:
                read = isinstance(func, cst.Attribute) and self._leads(func.value)
                return read or any(self._leads(a.value) for a in node.args)
        return False

    def _put(self, target: cst.CSTNode) -> Iterator[Home]:
        """Where an object goes that is assigned to `target`, or put into it by a method."""
        for home in self._homes_of(target):
            if home in (Home.STORED, Home.OBJECT):
                self.kept.add(dotted(_holder(target)))
            yield home

    def _homes_of(self, target: cst.CSTNode) -> Iterator[Home]:
        scope = self.function.scope
        match target:
            case cst.Name(value=name):
                if name in scope.declared_outside:
                    yield Home.STORED
                else:
                    self.carriers.add(name)
            case cst.Attribute(value=inner) | cst.Subscript(value=inner):
                yield from self._put_on(inner, scope)

    def _put_on(self, holder: cst.BaseExpression, scope: Scope) -> Iterator[Home]:
        models = self.names.models
        current: cst.CSTNode = holder
        part = ""
        while True:
            known = self.names.type_of(current, scope), self.names.qualify(current, scope)
            type_ = models.type(known[0])
            if type_ and type_.kind == "app":
                yield Home.STORED
                return
            if models.request_locals.intersection(known):
                yield Home.REQUEST
                return
            if self._is_class(current):
                yield Home.STORED
                return
            if not isinstance(current, (cst.Attribute, cst.Subscript)):
                break
            part = current.attr.value if isinstance(current, cst.Attribute) else part
            current = current.value
        if not isinstance(current, cst.Name):
            return
        outermost = self.function
        while outermost.owner is None and outermost.parent.function:
            outermost = outermost.parent.function
        if outermost.owner and outermost.parameters and outermost.parameters[0].name == current.value:
            yield Home.OBJECT
            if part and not self._is_own_part(part, outermost.owner):
                yield Home.STORED
                yield Home.GIVEN
            return
        found = scope.lookup(current.value)
        local = found is not None and found[0].kind == "function" and found[0].function is self.function
        if local and found and all(b.kind != "parameter" for b in found[1]) and not self._comes_from_outside(found[1]):
            self.carriers.add(current.value)
            self.collected = True
        else:
            yield Home.STORED
            if local:
                yield Home.GIVEN

    def _is_own_part(self, attribute: str, owner: Class) -> bool:
        """True for an attribute for which objects of a class make what is there themselves."""
        values = [found for c in self.names.ancestors(owner) for found in c.attributes.get(attribute, ())]
        return bool(values) and all(self._is_made(value, scope) for value, scope in values)

    def _is_class(self, node: cst.CSTNode) -> bool:
        """True for the class of the method's object: `cls`, `type(self)`, `self.__class__`."""
        match node:
            case cst.Name(value=name):
                function = self.function
                if not (function.owner and function.parameters and function.parameters[0].name == name):
                    return False
                return function.name == "__new__" or self.names.is_class_method(function)
            case cst.Attribute(attr=cst.Name(value="__class__")):
                return True
            case cst.Call(func=func):
                return self.names.qualify(func, self.function.scope) == "builtins.type"
        return False

    def _comes_from_outside(self, bindings: Collection[Binding]) -> bool:
        """True when a local name may stand for something that was there before."""
        return not all(self._is_made(b.value, self.function.scope) for b in bindings)

    def _is_made(self, node: cst.BaseExpression | None, scope: Scope) -> bool:
        """True for a literal collection, and for a call that builds an object, where a function may give one that it
        keeps."""
        if not isinstance(node, cst.Call):
            return isinstance(node, (cst.Dict, cst.List, cst.Set, cst.DictComp, cst.ListComp))
        name = self.names.qualify(node.func, scope)
        return name.startswith("builtins.") or dotted(node.func).rpartition(".")[2][:1].isupper()


def _holder(target: cst.CSTNode) -> cst.CSTNode:
    """What is asked for whether something is there: the container of an element, the object of a method, an
    attribute."""
    if isinstance(target, cst.Subscript):
        return target.value
    puts = isinstance(target, cst.Attribute) and target.attr.value in _PUTTING | _PUTTING_SEVERAL
    return target.value if isinstance(target, cst.Attribute) and puts else target

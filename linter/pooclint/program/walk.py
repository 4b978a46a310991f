"""The one walk over a file: scopes, bindings, functions and classes, and the nodes that rules want to see.

The walk is written by hand over the semantic fields of LibCST's nodes and keeps its own stack: it costs a few percent
of the parse, where `Module.visit` with the scope and name providers costs several times the parse (measured).
"""

from __future__ import annotations

import re
from functools import partial
from typing import Literal, cast

import libcst as cst

from pooclint.program.partials import MAKER, MODULE, as_lambda
from pooclint.program.places import Origin, absolute
from pooclint.program.scopes import Binding, Class, Function, Index, Parameter, Part, Scope
from pooclint.source.nodes import children, dotted
from pooclint.source.parse import Unreadable, parse
from pooclint.source.pieces import Piece, Pieces, whole
from pooclint.source.segments import LARGE, parse_in_segments

_DEFINED = re.compile(rb"\bdef[ \t]+(\w+)")

Wanted = frozenset[type[cst.CSTNode]]


def read_index(data: bytes, origin: Origin, wanted: Wanted, pieces: Pieces | None) -> Index | Unreadable:
    """Parse a module and walk it once.

    Args:
        data: the bytes of its file.
        origin: where it comes from, to resolve its imports.
        wanted: node classes to list in `Index.visited`.
        pieces: how it is cut: its definitions are parsed when somebody asks for them. None parses all of it.
    """
    piece = pieces.frame if pieces else whole(data)
    module = parse(piece.text)
    if isinstance(module, Unreadable):
        return module
    root = Scope("module", module, None)
    names = frozenset(name.decode() for name in _DEFINED.findall(data))
    root.index = index = Index(root, origin, names, load=partial(_load, wanted))
    if pieces is None or len(pieces.statements) != len(module.body):
        parts = [Part(1, module.body)]
    else:
        lines = zip(pieces.statements, module.body, strict=True)
        parts = [Part(line, (statement,)) for line, statement in lines]
    index.add(piece, module, [_walked(part, index, wanted) for part in parts])
    if pieces:
        index.waiting.update(pieces.definitions)
    return index


def _load(wanted: Wanted, index: Index, piece: Piece) -> Unreadable | None:
    """Parse and walk a definition of a module, as if it had been there from the start."""
    module = parse_in_segments(piece.text) if len(piece.text) > LARGE else parse(piece.text)
    if isinstance(module, Unreadable):
        return module
    index.add(piece, module, [_walked(Part(piece.in_file(1), module.body), index, wanted)])
    return None


def _walked(part: Part, index: Index, wanted: Wanted) -> Part:
    stack: _Below = [(statement, index.scope) for statement in reversed(part.statements)]
    while stack:
        node, scope = stack.pop()
        kind = type(node)
        if kind in _LEAVES:
            continue
        if kind in wanted:
            part.visited.append((node, scope))
        if kind is cst.Call and index.partials:
            _enter_partial(cast(cst.Call, node), scope, index, part, wanted)
        below = _enter(node, scope, index, part) if kind in _BINDING else None
        if below is None:
            below = [(child, scope) for child in children(node)]
        below.reverse()
        stack += below
    return part


# Nothing below these matters to the walk.
_LEAVES = frozenset({cst.Name, cst.SimpleString, cst.Integer, cst.Float, cst.Ellipsis, cst.Pass})
# Nodes that bind a name or open a scope. Matching on a class of nodes is slow; most nodes are none of these.
_BINDING = frozenset({
    cst.FunctionDef, cst.Lambda, cst.ClassDef, cst.ListComp, cst.SetComp, cst.GeneratorExp, cst.DictComp, cst.CompFor,
    cst.Import, cst.ImportFrom, cst.Assign, cst.AnnAssign, cst.AugAssign, cst.NamedExpr, cst.For, cst.WithItem,
    cst.ExceptHandler,
    cst.ExceptStarHandler, cst.MatchAs, cst.MatchStar, cst.Del, cst.Global, cst.Nonlocal, cst.Return, cst.Yield,
})  # fmt: skip

_Below = list[tuple[cst.CSTNode, Scope]]


def _enter(node: cst.CSTNode, scope: Scope, index: Index, part: Part) -> _Below | None:
    """Record what a node binds. Returns the children with their scopes where these differ from the node's own."""
    match node:
        case cst.FunctionDef():
            return _enter_function(node, scope, part)
        case cst.Lambda():
            inner = Scope("function", node, scope, "<lambda>", owner=scope.owner)
            inner.function = function = Function(node, inner, scope, _parameters(node.params))
            part.functions[id(node)] = function
            _bind_parameters(inner, function)
            return [(node.params, scope), (node.body, inner)]
        case cst.ClassDef():
            inner = Scope("class", node, scope, node.name.value, function=scope.function)
            inner.owner = found = Class(node, inner, scope)
            part.classes[id(node)] = found
            _bind(scope, node.name.value, Binding("class", node, defined=found))
            outside: list[cst.CSTNode] = [*node.decorators, *node.bases, *node.keywords]
            return [*((c, scope) for c in outside), (node.body, inner)]
        case cst.ListComp() | cst.SetComp() | cst.GeneratorExp() | cst.DictComp():
            inner = Scope("comprehension", node, scope, function=scope.function, owner=scope.owner)
            return [(c, inner) for c in children(node)]
        case cst.CompFor(target=target):
            _bind_target(scope, target, Binding("other", node), index)
        case cst.Import():
            for alias in node.names:
                full = dotted(alias.name)
                if full == MODULE:
                    index.partials.add(f"{_alias(alias) or full}.{MAKER}")
                if alias.asname:
                    _bind(scope, _alias(alias), Binding("import", node, qualified=full))
                else:
                    top = full.split(".")[0]
                    _bind(scope, top, Binding("import", node, qualified=top))
            return []
        case cst.ImportFrom():
            written = "." * len(node.relative) + (dotted(node.module) if node.module else "")
            base = absolute(written, index.origin.package)
            if isinstance(node.names, cst.ImportStar):
                index.stars.append(base)
                return []
            for alias in node.names:
                name = dotted(alias.name)
                if (base, name) == (MODULE, MAKER):
                    index.partials.add(_alias(alias) or name)
                _bind(
                    scope, _alias(alias) or name, Binding("import", node, qualified=f"{base}.{name}" if base else name)
                )
            return []
        case cst.Assign(value=value):
            for assigned in node.targets:
                _bind_target(scope, assigned.target, Binding("assign", node, value), index)
        case cst.AnnAssign(target=annotated):
            _bind_target(scope, annotated, Binding("assign", node, node.value, node.annotation.annotation), index)
        case cst.AugAssign(target=augmented):
            _bind_target(scope, augmented, Binding("other", node), index)
        case cst.NamedExpr(target=walrus, value=value):
            holder = scope
            while holder.kind == "comprehension" and holder.parent:
                holder = holder.parent
            _bind_target(holder, walrus, Binding("assign", node, value), index)
        case cst.For(target=loop_target):
            _bind_target(scope, loop_target, Binding("other", node), index)
        case cst.WithItem(item=manager, asname=cst.AsName(name=with_target)):
            _bind_target(scope, with_target, Binding("assign", node, manager, entered=True), index)
        case cst.ExceptHandler(name=cst.AsName(name=caught)) | cst.ExceptStarHandler(name=cst.AsName(name=caught)):
            _bind_target(scope, caught, Binding("other", node), index)
        case cst.MatchAs(name=cst.Name(value=captured)):
            _bind(scope, captured, Binding("other", node))
        case cst.MatchStar(name=cst.Name(value=captured)):
            _bind(scope, captured, Binding("other", node))
        case cst.Del(target=deleted):
            _bind_target(scope, deleted, Binding("other", node), index)
        case cst.Global() | cst.Nonlocal():
            scope.declared_outside.update(n.name.value for n in node.names)
            holder = scope
            if isinstance(node, cst.Global):
                for name_item in node.names:
                    index.scope.bindings.setdefault(name_item.name.value, [])
        case cst.Yield():
            if scope.function:
                scope.function.is_generator = True
        case cst.Return(value=cst.BaseExpression()):
            if scope.function:
                scope.function.returns_value = True
    return None


def _enter_function(node: cst.FunctionDef, scope: Scope, part: Part) -> _Below:
    inner = Scope("function", node, scope, node.name.value, owner=scope.owner)
    inner.function = function = Function(node, inner, scope, _parameters(node.params))
    part.functions[id(node)] = function
    _bind(scope, node.name.value, Binding("function", node, defined=function))
    if scope.kind == "class" and scope.owner:
        scope.owner.methods[_method_name(node)] = function
    _bind_parameters(inner, function)
    outside: list[cst.CSTNode] = [*node.decorators, node.params]
    if node.returns:
        outside.append(node.returns)
    return [*((c, scope) for c in outside), (node.body, inner)]


def _method_name(node: cst.FunctionDef) -> str:
    """The name under which a class has a method. What sets or deletes a property (`@conn.setter`) stands beside the
    method of the same name that gives it."""
    name = node.name.value
    accessors = (d.decorator for d in node.decorators if isinstance(d.decorator, cst.Attribute))
    found = (d.attr.value for d in accessors if dotted(d.value) == name and d.attr.value in ("setter", "deleter"))
    return f"{name}.{word}" if (word := next(found, "")) else name


def _enter_partial(node: cst.Call, scope: Scope, index: Index, part: Part, wanted: Wanted) -> None:
    """Record the function that a call of `functools.partial` makes. On a class, it is no method."""
    made = as_lambda(node) if dotted(node.func) in index.partials else None
    if made is None:
        return
    around = scope.parent if scope.kind == "class" and scope.parent else scope
    inner = Scope("function", made, around, "<partial>", owner=around.owner)
    inner.function = part.functions[id(node)] = function = Function(made, inner, around, _parameters(made.params), node)
    _bind_parameters(inner, function)
    if cst.Call in wanted:
        part.visited.append((made.body, inner))


def _bind_parameters(scope: Scope, function: Function) -> None:
    for parameter in function.parameters:
        _bind(scope, parameter.name, Binding("parameter", function.node, annotation=parameter.annotation))


def _parameters(params: cst.Parameters) -> tuple[Parameter, ...]:
    found = [_parameter(p, "positional") for p in (*params.posonly_params, *params.params)]
    if isinstance(params.star_arg, cst.Param):
        found.append(_parameter(params.star_arg, "args"))
    found += [_parameter(p, "keyword") for p in params.kwonly_params]
    if params.star_kwarg:
        found.append(_parameter(params.star_kwarg, "kwargs"))
    return tuple(found)


def _parameter(param: cst.Param, kind: Literal["positional", "keyword", "args", "kwargs"]) -> Parameter:
    return Parameter(param.name.value, param.annotation.annotation if param.annotation else None, param.default, kind)


def _bind(scope: Scope, name: str, binding: Binding) -> None:
    scope.bindings.setdefault(name, []).append(binding)


def _bind_target(scope: Scope, target: cst.BaseExpression, binding: Binding, index: Index) -> None:
    match target:
        case cst.Name(value=name):
            if name in scope.declared_outside:
                index.scope.bindings.setdefault(name, []).append(binding)
            _bind(scope, name, binding)
        case cst.Attribute(value=cst.Name(value=base), attr=cst.Name(value=attribute)):
            if binding.value is not None and _is_self(scope, base) and scope.owner and not binding.entered:
                scope.owner.attributes.setdefault(attribute, []).append((binding.value, scope))
        case cst.Tuple() | cst.List():
            value = None if binding.entered else binding.value
            for place, element in enumerate(target.elements):
                if isinstance(element, cst.StarredElement):  # what follows is counted from the end
                    value = None
                unpacked = (value, place) if value is not None else None
                _bind_target(scope, element.value, Binding("other", binding.node, unpacked=unpacked), index)


def _is_self(scope: Scope, name: str) -> bool:
    """True when the name is the first parameter of the method that the scope belongs to."""
    function = scope.function
    while function and function.owner is None and function.parent.function:
        function = function.parent.function
    return bool(function and function.owner and function.parameters and function.parameters[0].name == name)


def _alias(alias: cst.ImportAlias) -> str:
    return alias.asname.name.value if alias.asname and isinstance(alias.asname.name, cst.Name) else ""

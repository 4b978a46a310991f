"""What conditions over values say: in which states they are true and in which they are false, None for none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import libcst as cst

from pooclint.flow.run import Run
from pooclint.flow.states import State, condition_key
from pooclint.flow.values import NONE, NOT_NONE, UNBOUND, UNKNOWN, ClassNamed, Value
from pooclint.program.attributes import has_unknown_base
from pooclint.program.defaults import is_optional
from pooclint.program.literals import literal
from pooclint.program.scopes import Binding, Class
from pooclint.source.nodes import dotted

Ways = tuple[State | None, State | None]
"""The state in which a condition is true, and the one in which it is false; None where it cannot be."""

_STRUCTURAL = frozenset({"typing.Protocol", "typing_extensions.Protocol"})
"""Of classes that derive from these, objects are instances whose classes do not."""
_NEGATED = (cst.IsNot, cst.NotEqual, cst.NotIn)


def compared(run: Run, node: cst.Comparison, left: Value, right: Value, state: State) -> Ways:
    """The ways out of a comparison of two values, refined by what that says of names."""
    operator, comparator = node.comparisons[0].operator, node.comparisons[0].comparator
    member = _is_member(left, comparator)
    if isinstance(left.constant, ClassNamed):
        right = class_named(run, comparator) or right
    elif isinstance(right.constant, ClassNamed):
        left = class_named(run, node.left) or left
    if isinstance(operator, (cst.Is, cst.IsNot, cst.Equal, cst.NotEqual)):
        true, false = same(run, node.left, comparator, left, right, state)
    elif not isinstance(operator, (cst.In, cst.NotIn)):
        return _remembered(run, node, type(operator).__name__, state)
    elif _names_locals(run, comparator):
        true, false = _bound_test(left, state)
    elif member is not None:
        true, false = (state, None) if member else (None, state)
    else:
        true, false = _remembered(run, node, "In", state)
    return (false, true) if isinstance(operator, _NEGATED) else (true, false)


def class_named(run: Run, node: cst.BaseExpression) -> Value | None:
    """The class for which a name or dotted name always stands; None for everything else, and for one that nobody
    knows."""
    _, bindings = run.scope.lookup(dotted(node).partition(".")[0]) or (None, [])
    if not bindings or not _stands_for_one(bindings):
        return None
    type_ = run.models.type(run.names.qualify(node, run.scope))
    if type_ is not None:
        return Value(constant=ClassNamed(type_.name))
    defined = run.names.definition(node, run.scope)
    return Value(constant=ClassNamed(run.names.local_type(defined))) if isinstance(defined, Class) else None


def _stands_for_one(bindings: Sequence[Binding]) -> bool:
    """True for the name of one class, or of one thing that is imported in several places."""
    first = bindings[0]
    if first.kind == "import":
        return all(b.kind == "import" and b.qualified == first.qualified for b in bindings)
    return first.kind == "class" and len(bindings) == 1


def refined(run: Run, name: str, value: Value, state: State) -> tuple[State, State]:
    """What a plain condition says of the name: true or false from here on, where the function asks again."""
    if name not in run.repeated:
        return state, state
    return state.know(name, replace(value, truth=True)), state.know(name, _falsy(run, name, value))


def _falsy(run: Run, name: str, value: Value) -> Value:
    """What is optional or a resource, and false, is taken for None: `client or Client()`, `if client is None`."""
    optional = run.function is not None and is_optional(name, run.function)
    return NONE if optional or value.type or "." in name else replace(value, truth=False)


def _names_locals(run: Run, node: cst.BaseExpression) -> bool:
    return isinstance(node, cst.Call) and run.names.qualify(node.func, run.scope) in (
        "builtins.locals",
        "builtins.vars",
        "builtins.dir",
    )


def _is_member(value: Value, node: cst.BaseExpression) -> bool | None:
    """Whether a known text or number is one of those that are written out; None where nobody can say."""
    if not isinstance(value.constant, (str, int, float)) or not isinstance(node, (cst.Tuple, cst.List, cst.Set)):
        return None
    found = [literal(e.value) for e in node.elements]
    return None if ... in found else value.constant in found


def _bound_test(name: Value, state: State) -> Ways:
    """`"conn" in locals()`: whether the name has a value."""
    if not isinstance(name.constant, str):
        return state, state
    return (None, state) if state.get(name.constant).constant is UNBOUND else (state, None)


def same(
    run: Run, left_node: cst.BaseExpression, right_node: cst.BaseExpression, left: Value, right: Value, state: State
) -> Ways:
    """States in which two values are the same and in which they differ; None for one that cannot be."""
    if right.constant is None:
        return none_test(run, left_node, left, state)
    if left.constant is None:
        return none_test(run, right_node, right, state)
    comparable = (str, int, float, bool, ClassNamed)
    for known, unknown in ((right, left), (left, right)):
        # What is true never equals 0 or "", what is false never equals 1.
        if isinstance(known.constant, comparable) and unknown.known_truth is (not known.constant):
            return None, state
    if isinstance(left.constant, comparable) and isinstance(right.constant, comparable):
        return (state, None) if left.constant == right.constant else (None, state)
    if left.refs and right.refs and (left.refs == right.refs or not left.refs & right.refs):
        return (state, None) if left.refs == right.refs else (None, state)
    if (left.refs and isinstance(right.constant, comparable)) or (right.refs and isinstance(left.constant, comparable)):
        return None, state
    for resource, other in ((left, right_node), (right, left_node)):
        # What was acquired here is never an object that was there before: `conn is sys.stdout`, `conn is shared`.
        if resource.refs and dotted(other) and not (left.refs and right.refs):
            return None, state
    fact = _fact(run, left_node, right_node)
    if not fact:
        return state, state
    equal, different = _by_fact(fact, state)
    for node, value, constant in ((left_node, left, right.constant), (right_node, right, left.constant)):
        name = dotted(node)
        if equal and name and name in run.repeated and isinstance(constant, comparable):
            equal = equal.know(name, replace(value, constant=constant))
    return equal, different


def none_test(run: Run, node: cst.BaseExpression, value: Value, state: State) -> Ways:
    """States in which a value is None and in which it is not; None for one that cannot be."""
    if value.constant is None:
        return state, None
    if (
        value.refs
        or value.function
        or (value.constant is not UNKNOWN)
        or value.truth is True
        or value.items is not None
        or value.collection
    ):
        return None, state
    name = dotted(node.target) if isinstance(node, cst.NamedExpr) else dotted(node)
    if not name or name not in run.repeated:
        return state, state
    true = True if "." not in name and _falsy(run, name, value) is NONE else value.truth
    return state.know(name, NONE), state.know(name, replace(value, constant=NOT_NONE, truth=true))


def is_instance(run: Run, node: cst.BaseExpression, state: State) -> bool | None:
    """Whether a resource is an instance, where a condition asks that; None where nobody can say, or it asks something
    else."""
    match node:
        case cst.Call(func=cst.Name(value="isinstance"), args=[cst.Arg(value=asked), cst.Arg(value=classes)]):
            value = state.get(dotted(asked))
            if not value.refs or not value.type:
                return None
            named = [e.value for e in classes.elements] if isinstance(classes, cst.Tuple) else [classes]
            found = [_is_of_class(run, value.type, each) for each in named]
            return True if True in found else None if None in found else False
    return None


def _is_of_class(run: Run, type_name: str, node: cst.BaseExpression) -> bool | None:
    """Whether an object of a library's class is one of another. One that the library made is of no class of the
    project, unless that is derived from the library's, or a protocol."""
    type_ = run.models.type(run.names.qualify(node, run.scope))
    if type_ is not None:
        return True if type_.name in run.models.lineage(type_name) else None
    defined = run.names.definition(node, run.scope, interest="anything")
    if not isinstance(defined, Class) or run.models.type(type_name) is None:
        return None
    structural = not _STRUCTURAL.isdisjoint(run.names.base_names(defined))
    return None if structural or run.names.modelled_base(defined) or has_unknown_base(run.names, defined) else False


def _remembered(run: Run, node: cst.Comparison, operator: str, state: State) -> Ways:
    fact = _fact(run, node.left, node.comparisons[0].comparator, operator)
    return _by_fact(fact, state) if fact else (state, state)


def _by_fact(fact: str, state: State) -> Ways:
    known = state.env.get(fact)
    if known is not None:
        return (state, None) if known.truth else (None, state)
    return state.assume(fact, True), state.assume(fact, False)


def _fact(run: Run, left: cst.BaseExpression, right: cst.BaseExpression, operator: str = "same") -> str:
    """A key for a condition over names and literals that the function asks more than once; else empty."""
    names = [dotted(n) for n in (left, right)]
    texts = [n or _written_out(run, e) for n, e in zip(names, (left, right), strict=True)]
    if "" in texts or not any(n in run.repeated for n in names if n):
        return ""
    return condition_key(texts[0], operator, texts[1])


def _written_out(run: Run, node: cst.BaseExpression) -> str:
    """A notation for a literal, or for some literals and constants of the module; empty for anything else."""
    if not isinstance(node, (cst.Tuple, cst.List, cst.Set)):
        value = literal(node)
        return "" if value is ... else repr(value)
    parts = [dotted(e.value) if _is_of_module(run, e.value) else _written_out(run, e.value) for e in node.elements]
    return f"({','.join(parts)})" if all(parts) else ""


def _is_of_module(run: Run, node: cst.BaseExpression) -> bool:
    found = run.scope.lookup(dotted(node).partition(".")[0])
    return found is not None and found[0].kind == "module" and len(found[1]) == 1

"""Lists, dictionaries, sets and queues of the function's own: what is put into one is reached through it.

A collection is a number from `COLLECTIONS` down, which a value carries (`Value.collection`), and which is the `owner`
of what is in it. It releases nothing. Only resources themselves are followed into it, and only as long as nothing else
gets the collection: what is returned, stored, handed to a function or used in a way that is not known here takes them
along. In what order a set gives its elements is not known: both the order of acquisition and its reverse are followed,
which shows each element as the first, and as one of the rest. Under a key that is a literal a dictionary has one
element.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from itertools import repeat
from typing import Final

import libcst as cst

from pooclint.flow.completions import INDEX_ERROR, OTHER, Outcomes
from pooclint.flow.invocations import Invocation, Results
from pooclint.flow.run import Run
from pooclint.flow.states import State
from pooclint.flow.values import COLLECTIONS, KEY, MORE, NONE, NOTHING, UNKNOWN, Fate, Lane, Value
from pooclint.program.literals import literal
from pooclint.program.scopes import Function

_MAKERS: Final = frozenset({"builtins.list", "builtins.dict", "builtins.set", "collections.deque"})
_ADDING: Final = {"append": 0, "appendleft": 0, "add": 0, "insert": 1}
"""Methods that put something in, with the position of what they put."""
_TAKING: Final = frozenset({"pop", "popleft", "popitem"})
_QUIET: Final = frozenset({"count", "index", "sort"})
"""Methods that neither put nor take, and give nothing that was in it."""
_SAME: Final = frozenset({f"builtins.{n}" for n in ("list", "tuple", "set", "frozenset", "sorted", "reversed", "iter")})
"""Functions whose result leads to what is in their argument."""
_REVERSED: Final = "builtins.list_reverseiterator"
_ANY_ORDER: Final = "builtins.set"
_VIEWS: Final = {
    "builtins.reversed": _REVERSED,
    **{f"builtins.{n}": _ANY_ORDER for n in ("set", "frozenset", "sorted")},
}
"""What such a view is, by the function that gives it, where its order is another one."""
_HARMLESS: Final = frozenset({f"builtins.{n}" for n in ("len", "bool", "any", "all", "isinstance", "print", "repr")})
VALUES: Final = "builtins.dict_values"
PAIRS: Final = "builtins.dict_items"
_KINDS: Final = 3
_KEYED: Final = 1
_UNORDERED: Final = 2


_FILLING = frozenset({cst.Call, cst.AssignTarget, cst.Assign, cst.AnnAssign})


def named(function: Function | None) -> dict[str, int]:
    """Names of a function to which something is added, by the numbers of the collections that they may stand for: from
    these it is told whether they are dictionaries or sets."""
    if function is None or isinstance(function.node, cst.Lambda):
        return {}
    added: list[str] = []
    kinds: dict[str, int] = {}
    for node in function.own_nodes:
        if type(node) not in _FILLING:  # to match on the classes of nodes is slow; most are none of these
            continue
        match node:
            case cst.Call(func=cst.Attribute(value=cst.Name(value=name), attr=cst.Name(value=method))) if (
                method in _ADDING or method in ("extend", "update")
            ):
                added.append(name)
            case cst.AssignTarget(target=cst.Subscript(value=cst.Name(value=name))):
                added.append(name)
            case cst.Assign(targets=targets, value=value) if kind := _kind_of(value):
                kinds.update((t.target.value, kind) for t in targets if isinstance(t.target, cst.Name))
            case cst.AnnAssign(target=cst.Name(value=name), value=cst.BaseExpression() as value) if kind := _kind_of(
                value
            ):
                kinds[name] = kind
    own = [n for n in dict.fromkeys(added) if n not in function.scope.declared_outside]
    return {name: COLLECTIONS - _KINDS * i - kinds.get(name, 0) for i, name in enumerate(own)}


def _kind_of(node: cst.BaseExpression) -> int:
    """Whether an expression makes a dictionary, a set, or, for all that is seen, a list or queue: 0."""
    match node:
        case cst.Dict() | cst.DictComp() | cst.Call(func=cst.Name(value="dict")):
            return _KEYED
        case cst.Set() | cst.SetComp() | cst.Call(func=cst.Name(value="set")):
            return _UNORDERED
    return 0


def keys(function: Function | None, names: Iterable[str]) -> frozenset[str]:
    """Names by which the function puts something into its dictionaries.

    Args:
        names: those of its collections.
    """
    known = frozenset(names)
    found: set[str] = set()
    for node in function.own_nodes if function is not None and known else ():
        match node:
            case cst.AssignTarget(
                target=cst.Subscript(
                    value=cst.Name(value=name),
                    slice=[cst.SubscriptElement(slice=cst.Index(value=cst.Name(value=key)))],
                )
            ) if name in known:
                found.add(key)
    return frozenset(found)


def key_of(node: cst.Subscript, state: State) -> object:
    """The text or number under which `node` puts something; `UNKNOWN` where it is not known."""
    index = node.slice[0].slice
    if not isinstance(index, cst.Index):
        return UNKNOWN
    given = state.get(index.value.value).constant if isinstance(index.value, cst.Name) else literal(index.value)
    return given if isinstance(given, (str, int)) else UNKNOWN


def of_comprehension(run: Run, node: cst.BaseComp) -> int:
    """The number of what a comprehension makes."""
    known = run.record.comprehensions
    index = known.setdefault(id(node), len(known))
    return COLLECTIONS - _KINDS * (len(run.collections) + index) - _kind_of(node)


def makes_empty(run: Run, node: cst.Call) -> bool:
    """Whether a call makes an empty collection."""
    return not node.args and isinstance(node.func, cst.Name) and run.names.qualify(node.func, run.scope) in _MAKERS


def bound(run: Run, name: str, value: Value, state: State) -> tuple[State, Value]:
    """What a name stands for to which a new collection is bound."""
    number = run.collections.get(name, 0)
    if not number or value.items is None or value.function or value.pending or value.closure:
        return state, value
    held = _elements(state, number)
    if held:  # that of an earlier turn: what has no other name is lost with it
        others = (v.reach() for k, v in state.env.items() if k != name)
        state = dropped(run, state, {number}) if number in frozenset[int]().union(*others) else _out(state, held)
    state = state.bind(f"{MORE}{number}", NOTHING)
    for key in [k for k in state.env if k.startswith(f"{KEY}{number} ")]:
        state = state.bind(key, NOTHING)
    for item, under in zip(value.items, value.keys or repeat(UNKNOWN), strict=False):
        state = put(run, number, item, state, under)
    return state, Value(collection=number)


def put(run: Run, number: int, value: Value, state: State, key: object = UNKNOWN) -> State:
    """The state after a value was put into a collection; what is not a resource itself is handed over.

    Args:
        key: the text or number under which a dictionary has it; unknown ones are taken for new ones.
    """
    if key is not UNKNOWN and _kind(number) == _KEYED:
        state = _replacing(number, value, state, f"{KEY}{number} {key!r}")
    plain = value.refs and value.refs == state.reach(value) and not (value.pending or value.method or value.inner)
    more = state.assume(f"{MORE}{number}", truth=True)
    if not plain:
        return run.hand_over(more, value)
    found = [state.obligations[n] for n in value.refs if n in state.obligations]
    if any(o.fate is not Fate.HELD or o.managed or o.owner != -1 or o.site.parameter >= 0 for o in found):
        return run.hand_over(more, value)
    run.record.collected.update(o.site.number for o in found)
    return state.change(value.refs, owner=number)


def _replacing(number: int, value: Value, state: State, name: str) -> State:
    """The state in which what a dictionary had under a key is in it no more, and the key is remembered for the next."""
    before = [n for n in state.get(name).derived if n in _elements(state, number) and n not in value.refs]
    state = _out(state, before)
    for other, known in [(k, v) for k, v in state.env.items() if k.startswith(f"{KEY}{number} ")]:
        if known.derived & value.refs:
            state = state.bind(other, NOTHING)
    return state.bind(name, Value(derived=value.refs))


def made(number: int, state: State) -> Value:
    """What a comprehension gives."""
    return Value(collection=number) if number and _elements(state, number) else NOTHING


def elements(value: Value, state: State) -> tuple[tuple[Value, ...], ...]:
    """What a loop over a value takes out of a collection, in each order that is possible; one empty order for anything
    else."""
    if not value.collection or by_key(value):
        return ((),)
    found = _values(state, value.collection)
    if value.type == PAIRS:
        found = tuple(Value(items=(NOTHING, v)) for v in found)
    if value.type == _REVERSED:
        return (found[::-1],)
    unordered = value.type == _ANY_ORDER or _kind(value.collection) == _UNORDERED
    return (found, found[::-1]) if unordered and len(found) > 1 else (found,)


def by_key(value: Value) -> bool:
    """Whether a loop over a value gives keys, by which a dictionary is asked: which is which is not followed."""
    return value.collection < 0 and _kind(value.collection) == _KEYED and not value.type


def item(value: Value, position: object, state: State) -> Value | None:
    """What `value[position]` is; None where that is not known."""
    found = _values(state, value.collection) if _kind(value.collection) == 0 else ()
    if not isinstance(position, int) or not -len(found) <= position < len(found):
        return None
    return found[position]


def chosen(value: Value, position: object) -> Value | None:
    """What stands at a place of a tuple or list literal, or under a key of a dictionary literal; None where that is not
    known."""
    if value.items is None:
        return None
    if value.keys:
        under = [v for k, v in zip(value.keys, value.items, strict=True) if k == position and k is not UNKNOWN]
        if under:
            return under[-1]
        another = isinstance(position, (str, int)) and UNKNOWN not in value.keys
        return value.items[0] if len(value.items) == 1 and not another else None
    if isinstance(position, int) and -len(value.items) <= position < len(value.items):
        return value.items[position]
    return None


def left(run: Run, value: Value, state: State) -> State:
    """The state after something was taken from a value of which is not known what it was."""
    state = dropped(run, state, {value.collection})
    return run.keep(state, value.reach()) if value.keys else state


def of_literal(run: Run, invocation: Invocation, state: State) -> Results:
    """What a method of a dictionary literal gives."""
    value, method = invocation.head, invocation.method
    given = [v for _, v in invocation.arguments]
    if method in ("get", "pop") and given:
        found = chosen(value, given[0].constant)
        if found is not None:
            return [(state, found)]
    if method in ("values", "items") and not given:
        items = value.items or ()
        return [(state, Value(items=items if method == "values" else tuple(Value(items=(NOTHING, v)) for v in items)))]
    if method in ("keys", "copy") and not given:
        return [(state, value if method == "copy" else NOTHING)]
    return [(run.keep(state, state.reach(value)), NOTHING)]


def is_empty(value: Value, state: State) -> bool | None:
    """Whether a collection is empty, where that is known."""
    number = value.collection
    if not number:
        return None
    if _elements(state, number):
        return False
    handed_over = any(o.owner == number for o in state.obligations.values())  # it is in there all the same
    return None if handed_over or f"{MORE}{number}" in state.env else True


def dropped(run: Run, state: State, numbers: Iterable[int]) -> State:
    """The state in which these are followed no more, and what is in them is somebody else's."""
    found = frozenset(n for n in numbers if n <= COLLECTIONS)
    return run.keep(state, found) if found else state


def called(run: Run, invocation: Invocation, state: State, out: Outcomes) -> Results | None:
    """What a method of a collection does; None where that is not known, and `passed` has to look at it."""
    number, method = invocation.head.collection, invocation.method
    given = [v for _, v in invocation.arguments]
    if method in _ADDING and len(given) > _ADDING[method]:
        return [(put(run, number, given[_ADDING[method]], state), NOTHING)]
    if method in ("extend", "update") and len(given) == 1 and given[0].items is not None:
        for value in given[0].items:
            state = put(run, number, value, state)
        return [(state, NOTHING)]
    if method in _TAKING:
        return _taken(run, invocation, state, out)
    if method in ("remove", "discard") and len(given) == 1:
        inside = [n for n in given[0].refs if n in _elements(state, number)]
        if method == "remove" and not inside:
            run.fail(state, invocation.node, out, OTHER, {}, Lane.OTHER)
        return [(_out(state, inside), NONE)]
    if method == "clear":
        return [(_out(state, _elements(state, number)), NONE)]
    if method in ("values", "items") and not given:
        return [(state, Value(type=VALUES if method == "values" else PAIRS, collection=number))]
    return [(state, NOTHING)] if method in _QUIET else None


def viewed(run: Run, invocation: Invocation, state: State) -> Value | None:
    """What `list(opened)` or `reversed(opened)` gives: something that leads to the same; None for any other call."""
    value = invocation.arguments[0][1] if len(invocation.arguments) == 1 else NOTHING
    if invocation.method or not value.collection or by_key(value):
        return None
    called = run.names.qualify(invocation.node.func, run.scope)
    if called in _SAME:
        known = value.type or VALUES
        return replace(value, type=known if known in (PAIRS, _ANY_ORDER) else _VIEWS.get(called, known))
    return replace(value, type=PAIRS) if called == "builtins.enumerate" and value.type != PAIRS else None


def passed(run: Run, invocation: Invocation, state: State) -> State:
    """The state after a known function was given collections, and may have taken what is in them."""
    if not invocation.method and run.names.qualify(invocation.node.func, run.scope) in _HARMLESS:
        return state
    return dropped(run, state, frozenset[int]().union(*(v.reach() for _, v in invocation.arguments)))


def _taken(run: Run, invocation: Invocation, state: State, out: Outcomes) -> Results | None:
    """`pop` in its forms: what was in it is now only where it is bound to. None where it is not known which that is."""
    number, method = invocation.head.collection, invocation.method
    found = _elements(state, number)
    given = [v for _, v in invocation.arguments]
    if given and (_kind(number) == _KEYED or given[0].constant != 0):
        return None
    if not found:
        empty = is_empty(invocation.head, state)
        run.fail(state, invocation.node, out, INDEX_ERROR if empty else OTHER, {}, Lane.OTHER)
        return [] if empty else [(state, NOTHING)]
    first = given or method == "popleft"
    taken = found if _kind(number) == _UNORDERED else found[:1] if first else found[-1:]
    values = [(n, _value(state, n)) for n in taken]
    return [(_out(state, [n]), Value(items=(NOTHING, v)) if method == "popitem" else v) for n, v in values]


def _kind(number: int) -> int:
    return (COLLECTIONS - number) % _KINDS


def _elements(state: State, number: int) -> list[int]:
    return [n for n, o in state.obligations.items() if o.owner == number and o.fate is not Fate.KEPT]


def _values(state: State, number: int) -> tuple[Value, ...]:
    return tuple(_value(state, n) for n in _elements(state, number))


def _value(state: State, number: int) -> Value:
    return Value(state.obligations[number].site.acquisition.type, refs=frozenset({number}))


def _out(state: State, numbers: Iterable[int]) -> State:
    """The state in which these are in no collection any more."""
    return state.change(numbers, owner=-1)

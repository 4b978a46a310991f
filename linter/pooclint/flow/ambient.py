"""Sessions that nobody acquires: a registry gives everybody in a thread or context the same one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

import libcst as cst

from pooclint.flow.invocations import Invocation
from pooclint.flow.record import Record
from pooclint.flow.run import Run
from pooclint.flow.states import State
from pooclint.flow.values import Fate, Obligation, Site, Value
from pooclint.models import Models
from pooclint.program.circles import Memo
from pooclint.program.names import Names
from pooclint.program.scopes import Function, Index, Scope
from pooclint.program.threads import names_an_end

FIRST = 1_900_000
"""Numbers of such sessions, which are no caller's and no callee's own."""
_MOST = 100_000


def joined(run: Run, invocation: Invocation, state: State) -> tuple[Invocation, State]:
    """A call on such a registry, or on what works on its session (a model's `query`), as a call on that session."""
    call = next((c for c in run.names.calls(invocation.node, run.scope) if c.works_on), None)
    if call is not None and run.is_kept(call.works_on):
        number, state = _present(run, state, call.works_on, invocation.node)
        return invocation, state.occupy([number], invocation.node)
    head = invocation.head
    type_ = run.models.type(head.type) if head.type and not head.refs else None
    if type_ is None or not type_.ambient or not run.is_kept(type_.ambient):
        return invocation, state
    number, state = _present(run, state, type_.ambient, invocation.node)
    if number < 0:
        return invocation, state
    if run.models.canonical(type_.ambient) == head.type:
        return replace(invocation, head=replace(head, refs=frozenset({number}))), state
    if type_.deferred:
        return replace(invocation, head=replace(head, derived=head.derived | {number})), state
    return invocation, state.occupy([number], invocation.node)


def of_value(run: Run, value: Value, node: cst.CSTNode, state: State) -> tuple[frozenset[int], State]:
    """The number of such a session on which calls on a value work, if there is one, and the state in which it is
    followed."""
    type_ = run.models.type(value.type) if value.type else None
    if type_ is None or not type_.ambient or not run.is_kept(type_.ambient):
        return frozenset(), state
    number, state = _present(run, state, type_.ambient, node)
    return frozenset((number,)) if number >= 0 else frozenset(), state


def after_call(run: Run, function: Function, node: cst.Call, state: State) -> State:
    """The state after a call of a function that works on such sessions: it may leave them with a connection."""
    for type_name, holding in run.ambient(function).items():
        number, state = _present(run, state, type_name, node)
        if number < 0:
            continue
        if holding is not False:
            state = state.occupy([number], node).change([number], scarcely=holding is None)
        elif not run.names.runs_once(function):  # what is cached may not run at all
            state = state.change([number], holding=False)
    return state


def ended_by(run: Run, manager: cst.BaseExpression, state: State) -> State:
    """The state after a manager was left that ends such sessions: an application context."""
    func = manager.func if isinstance(manager, cst.Call) else manager
    types = ((n, run.models.type(o.site.registry)) for n, o in state.obligations.items() if is_ambient(n))
    over = [n for n, type_ in types if type_ is not None and names_an_end(run.names, func, run.scope, type_)]
    return state.change(over, holding=False) if over else state


def left_in_use(record: Record, states: Iterator[State]) -> dict[str, bool | None]:
    """By type of such sessions, whether one may have a connection when the function returns; None where that is so on
    hardly any way; none that it leaves as they were."""
    seen: dict[str, set[bool | None]] = {}
    for state in states:
        for number, obligation in state.obligations.items():
            if is_ambient(number):
                holds = None if obligation.holding and obligation.scarcely else obligation.holding
                seen.setdefault(obligation.site.registry, set()).add(holds)
    return {name: next(h for h in (True, None, False) if h in known) for name, known in seen.items()}


def is_ambient(number: int) -> bool:
    """True for the number of such a session."""
    return FIRST <= number < FIRST + _MOST


def _present(run: Run, state: State, type_name: str, node: cst.CSTNode) -> tuple[int, State]:
    """The session's number, and the state in which it is followed."""
    known = next((s for s in run.record.ambient.values() if s.registry == type_name), None)
    if known is None:
        hold = run.kept(run.function) if run.function and type_name in run.models.conditional else None
        acquisition = run.models.acquisition_of_type(hold.type if hold else type_name)
        if acquisition is None:
            return -1, state
        number = FIRST + len(run.record.ambient)
        label = hold.path[-1] if hold else type_name.rpartition(".")[2]
        known = Site(number, node, acquisition, label, parameter=0, injected=True, registry=type_name)
        run.record.ambient[number] = known
    if known.number not in state.obligations:
        state = state.add(known.number, Obligation(known, fate=Fate.HELD, holding=False))
    return known.number, state


@dataclass(slots=True)
class Users:
    """Which functions work on such sessions. Its only state is a memo."""

    names: Names
    calls: Callable[[Function], tuple[tuple[cst.Call, Scope], ...]]
    """The calls in a function's own body."""
    kept: Callable[[str, Index], bool]
    """Whether a type of such sessions matters in a module."""
    _known: Memo[int, bool] = field(default_factory=dict)

    def forget(self) -> None:
        """Forget what was worked out so far."""
        self._known.clear()

    def uses(self, function: Function) -> bool:
        """True when the function works on such a session, itself or through functions of the project."""
        return self.names.circles.answer(
            self._known, id(function), False, lambda: any(self._works(n, s) for n, s in self.calls(function))
        )

    def _works(self, node: cst.Call, scope: Scope) -> bool:
        if isinstance(node.func, cst.Attribute):
            found = _ambient(self.names.models, self.names, node.func.value, scope)
            if found and self.kept(found, scope.module):
                return True
        if any(c.works_on and self.kept(c.works_on, scope.module) for c in self.names.calls(node, scope)):
            return True
        called = self.names.definition(node.func, scope)
        return isinstance(called, Function) and not called.is_generator and self.uses(called)


def _ambient(models: Models, names: Names, receiver: cst.BaseExpression, scope: Scope) -> str:
    type_ = models.type(names.type_of(receiver, scope))
    return type_.ambient if type_ is not None else ""

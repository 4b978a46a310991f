"""The analysis of one function: evaluate its body, and record what every way out of it loses."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

import libcst as cst

from pooclint.flow import ambient, statements
from pooclint.flow.completions import RETURN, Outcomes
from pooclint.flow.draws import Draws
from pooclint.flow.expressions import evaluate
from pooclint.flow.facts import Facts, facts_of
from pooclint.flow.given import (
    Given,
    captured,
    decorated,
    entering_method,
    given,
    held_attributes,
    held_parameters,
    lent_by,
)
from pooclint.flow.invocations import Attempt
from pooclint.flow.leaving import MAKING, leave
from pooclint.flow.owners import owned
from pooclint.flow.passing import calls_of_own
from pooclint.flow.reaching import Reaching
from pooclint.flow.record import Hold, Leak, Owned, Record, Summary
from pooclint.flow.run import GaveUp, Run
from pooclint.flow.states import State
from pooclint.flow.summaries import SYMBOLIC, holding_as_either, summarised, symbolic, translated
from pooclint.flow.switches import literal_defaults
from pooclint.flow.values import NONE, NOTHING, UNBOUND, Lane, Obligation, Site, Value
from pooclint.flow.waiting import complete
from pooclint.program.circles import Memo
from pooclint.program.names import Names
from pooclint.program.request_holds import RequestHolds
from pooclint.program.scopes import Class, Function, Index, Scope
from pooclint.source.nodes import body_of, descendants, dotted, nodes_of

_MAX_DEPTH = 4  # project functions called by project functions are followed this far
_MAX_OUTCOMES = 8
_When = Literal["never", "now", "later"]
_INERT_TYPES = frozenset({f"builtins.{n}" for n in ("bool", "int", "float", "complex", "str", "bytes")})


@dataclass(slots=True)
class Analysis:
    """Analyses of the functions of a project, made on demand and kept."""

    names: Names
    draws: Draws
    holds: RequestHolds
    reaching: Reaching
    _records: Memo[int, Record | GaveUp] = field(default_factory=dict)
    _acquiring: Memo[int, bool] = field(default_factory=dict)
    _summaries: Memo[tuple[object, ...], tuple[int, tuple[Summary, ...] | None]] = field(default_factory=dict)
    """With how far calls go below the function."""
    _active: list[int] = field(default_factory=list)
    """Functions that are being summarised, the outermost first."""
    _reached: list[int] = field(default_factory=list)
    """How deep calls went in each of those."""
    _holding: Memo[int, bool] = field(default_factory=dict)
    _calls: dict[int, tuple[tuple[cst.Call, Scope], ...]] = field(default_factory=dict)
    _handing: Memo[int, _When] = field(default_factory=dict)
    """When a caller gets hold of what a function acquires."""
    _filling: Memo[int, bool] = field(default_factory=dict)
    _showing: Memo[int, bool] = field(default_factory=dict)
    _entering: set[int] = field(default_factory=set)
    _users: list[ambient.Users] = field(default_factory=list)
    _streamed: Memo[int, frozenset[int]] = field(default_factory=dict)
    strays: Memo[int, tuple[Leak, ...]] = field(default_factory=dict)
    """What functions leave on attributes and in elements when they fail: see `flow/fields.py`."""
    _facts: dict[int, Facts] = field(default_factory=dict)
    _owned: Memo[int, Owned | None] = field(default_factory=dict)
    _on_own: Memo[int, frozenset[int]] = field(default_factory=dict)
    """By the `id` of a function, those of its calls that run a method of an object which nobody else gets."""
    _alone: Memo[tuple[int, tuple[Given, ...], frozenset[str]], Record | None] = field(default_factory=dict)

    def forget(self) -> None:
        """Forget all of them."""
        for memo in (
            self._records,
            self._acquiring,
            self._summaries,
            self._holding,
            self._calls,
            self._handing,
            self._filling,
            self._showing,
            self._streamed,
            self.strays,
            self._facts,
            self._owned,
            self._on_own,
            self._alone,
        ):
            memo.clear()
        self._active.clear()
        self._reached.clear()
        self._entering.clear()
        self._users.clear()
        self.draws.forget()
        self.reaching.forget()
        self.holds.forget()

    def record(self, code: Function | Index) -> Record:
        """What the evaluation of a function, or of a module's own code, saw.

        Raises:
            GaveUp: a bound was exceeded; again at every call for the same function.
        """
        found = self.names.circles.once(self._records, id(code), lambda: self._recorded(code))
        if isinstance(found, GaveUp):
            raise found
        return found

    def _recorded(self, code: Function | Index) -> Record | GaveUp:
        """The function evaluated with what it is always handed; and, apart from that, with what it may be handed."""
        try:
            items = given(self.names, code, self._left_by_dependencies(code)) if isinstance(code, Function) else []
            record = self._evaluate(code, [item for item in items if not item.optional])
        except GaveUp as error:
            return error
        if any(item.optional for item in items):
            try:
                record.lend(self._evaluate(code, items))
            except GaveUp:
                return record
        return record

    def _ambient_left(self, function: Function) -> Mapping[str, bool | None]:
        """By type of a session that nobody acquires, whether a call of the function may leave it with a connection;
        empty when it works on none."""
        if not self.users().uses(function) or id(function) in self._entering:
            return {}
        self._entering.add(id(function))
        try:
            return self.record(function).ambient_left
        except GaveUp:
            return {}
        finally:
            self._entering.discard(id(function))

    def leaves_in_use(self, function: Function) -> bool:
        """True when a call of the function may leave a session that nobody acquires with a connection."""
        return any(self._ambient_left(function).values())

    def _is_kept(self, type_name: str, module: Index) -> bool:
        """True unless only a setting that is off would make it matter."""
        return type_name not in self.names.models.conditional or bool(self.holds.active(module))

    def users(self) -> ambient.Users:
        """Which functions work on sessions that nobody acquires."""
        if not self._users:
            self._users.append(ambient.Users(self.names, self._own_calls, self._is_kept))
        return self._users[0]

    def _left_by_dependencies(self, function: Function) -> list[Given]:
        """Injected sessions that other dependencies of the function have used when it is entered, and that the
        framework takes back later: the function that reads the current user has a connection out."""
        found: list[Given] = []
        for parameter in function.parameters:
            injection = self.names.injected(parameter, function.parent)
            provider = injection.provider if injection else None
            if provider is None or id(provider) in self._entering or not self._injects(provider):
                continue
            if not self.holds.callers.is_entered(function):
                return []  # its caller hands that in, and has whatever else was taken for the request
            self._entering.add(id(provider))
            try:
                record = self.record(provider)
            except GaveUp:
                continue
            finally:
                self._entering.discard(id(provider))
            inner = [i for i in given(self.names, provider) if i.injected]
            sites = [s for s in record.given if s.number in record.left]
            for site in sites:
                of = next((i.provider for i in inner if i.path == site.label), None) or site.provider
                label = f"{provider.name}({site.label})"
                found.append(Given(label, site.acquisition, True, False, of, site.outlives, provider.name, hidden=True))
        return found

    def _injects(self, provider: Function) -> bool:
        """A quick look: does the provider have dependencies of its own?"""
        return any(self.names.injected(p, provider.parent) for p in provider.parameters)

    def record_alone(
        self, function: Function, items: tuple[Given, ...] = (), absent: frozenset[str] = frozenset()
    ) -> Record | None:
        """What the evaluation of a function sees when it is entered with just these resources of somebody else's, by
        whomever it is asked: calls below it are followed as far as from anywhere else. None where a bound was
        exceeded.

        Args:
            function: the function.
            items: the resources.
            absent: parameters that are None.
        """
        key = (id(function), items, absent)
        return self.names.circles.answer(self._alone, key, None, lambda: self._recorded_alone(function, items, absent))

    def _recorded_alone(self, function: Function, items: Sequence[Given], absent: frozenset[str]) -> Record | None:
        active, reached = self._active, self._reached
        self._active, self._reached = [], []
        try:
            return self._evaluate(function, items, absent)
        except GaveUp:
            return None
        finally:
            self._active, self._reached = active, reached

    def owned(self, owner: Class) -> Owned | None:
        """What an object of a class holds, and gives back by a method of its own; None where that is nothing."""
        return self.names.circles.answer(self._owned, id(owner), None, lambda: owned(self, owner))

    def holds_of_lent(self, function: Function) -> tuple[Hold, ...]:
        """The external calls across which a function, evaluated by itself, holds what it is lent."""
        try:
            record = self.record(function) if self.may_hold(function) else Record()
        except GaveUp:
            return ()
        return tuple(h for h in record.holds.values() if h.site.parameter >= 0)

    def may_hold(self, function: Function) -> bool:
        """A quick look: could this function hold something that matters? Every rule asks, so the answer is kept."""
        return self.names.circles.once(
            self._holding, id(function), lambda: self.acquires(function) or self._may_hold_lent(function)
        )

    def _may_hold_lent(self, function: Function) -> bool:
        """What is lent can only be held across an external call, a second acquisition or a response, or be left inside
        a transaction. Few functions are lent anything: to follow all others to what they call would take far longer."""
        lent = self._is_lent(function)
        if not lent and not any(self.names.injected(p, function.parent) for p in function.parameters):
            return False
        waits = (
            self.reaching.reaches(function) is not None
            or self._locks(function)
            or self._commits(function)
            or self._lets_run(function)
            or bool(self.draws.of(function))
        )
        # What a method of an unknown object does is looked for last, and only where something may be held.
        guess = not waits and self._worth_a_guess(function)
        lent = lent or ((waits or guess) and bool(self._left_by_dependencies(function)))
        return lent and (waits or (guess and self._guesses(function)))

    def _is_lent(self, function: Function) -> bool:
        """A quick look: may it have something that neither it nor its dependencies acquire?"""
        return (
            any(True for _ in held_parameters(self.names, function))
            or any(True for _ in held_attributes(self.names, function))
            or any(True for _ in decorated(self.names, function))
            or any(True for _ in captured(self.names, function))
            or self.users().uses(function)
        )

    def _worth_a_guess(self, function: Function) -> bool:
        """A quick look: does it call a method of a local name?"""
        return any(
            isinstance(node.func, cst.Attribute) and isinstance(node.func.value, cst.Name)
            for node, _ in self._own_calls(function)
        )

    def _guesses(self, function: Function) -> bool:
        return any(self.reaching.dispatched(node, scope) for node, scope in self._own_calls(function))

    def _locks(self, function: Function) -> bool:
        """A quick look: does it enter something of which others decide when that is possible?"""
        entered = (n.item for n in function.own_nodes if type(n) is cst.WithItem)
        known = (self.names.type_of(e, function.scope) for e in entered if isinstance(e, (cst.Name, cst.Attribute)))
        find = self.names.models.external_method
        return any(type_ and (find(type_, "__aenter__") or find(type_, "__enter__")) for type_ in known)

    def _lets_run(self, function: Function) -> bool:
        """A quick look: does it make a response that is sent piece by piece, or let other tasks run something?"""
        calls = (c for node, scope in self._own_calls(function) for c in self.names.calls(node, scope)[:1])
        types = ((c, self.names.models.type(c.returns)) for c in calls)
        return any(c.passes or c.calls or (t is not None and t.streams) for c, t in types)

    def streamed(self, function: Function) -> bool:
        """True when its module hands what the generator gives to a response that is sent piece by piece."""
        module = function.scope.module
        sent = self.names.circles.once(
            self._streamed, id(module), lambda: frozenset(id(f) for f in self._sent_in(module))
        )
        return id(function) in sent

    def _sent_in(self, module: Index) -> Iterator[Function]:
        self.names.looks_around(module.scope)
        for node, scope in module.visited:
            model = next(iter(self.names.calls(node, scope)), None) if isinstance(node, cst.Call) else None
            type_ = self.names.models.type(model.returns) if model else None
            if type_ is None or not type_.streams or not isinstance(node, cst.Call):
                continue
            for inner in (n for a in node.args for n in descendants(a.value)):
                made = self.names.origin(inner, scope) if isinstance(inner, (cst.Name, cst.Call)) else None
                defined = self.names.definition(made.func, scope) if made else None
                if isinstance(defined, Function):
                    yield defined

    def _commits(self, function: Function) -> bool:
        """A quick look: is there a call by the name of a commit, and a handler that could keep an error from the
        caller?"""
        words = self.names.models.commit_words
        inner = function.own_nodes
        called = (n.func for n in inner if type(n) is cst.Call)
        return any(type(n) is cst.ExceptHandler for n in inner) and any(
            isinstance(f, cst.Attribute) and f.attr.value in words for f in called
        )

    def acquires(self, function: Function) -> bool:
        """True when a call in the function's own body acquires, or calls a project function that hands over what it
        does."""
        return self.names.circles.answer(
            self._acquiring,
            id(function),
            False,
            lambda: (
                any(self._call_acquires(c, s) for c, s in self._own_calls(function))
                or self._enters_lending(function)
                or (function.name in MAKING and any(self._fills(m) for m in self._own_methods(function)))
            ),
        )

    def _fills(self, method: Function) -> bool:
        """True when a method acquires something, or has another method do so, and may leave it on its object."""
        return self.names.circles.answer(
            self._filling,
            id(method),
            False,
            lambda: self.acquires(method) or any(self._fills(m) for m in self._own_methods(method)),
        )

    def _own_methods(self, method: Function) -> Iterator[Function]:
        """Methods of its own object that a method calls."""
        own = method.parameters[0].name if method.owner and method.parameters else ""
        for node, scope in self._own_calls(method) if own else ():
            if isinstance(node.func, cst.Attribute) and dotted(node.func.value) == own:
                called = self.names.definition(node.func, scope)
                if isinstance(called, Function) and called.owner and called is not method:
                    yield called

    def _own_calls(self, function: Function) -> tuple[tuple[cst.Call, Scope], ...]:
        """Calls in the function's own body, found once."""
        if id(function) not in self._calls:
            self._calls[id(function)] = tuple((n, function.scope) for n in function.own_nodes if type(n) is cst.Call)
        return self._calls[id(function)]

    def _call_acquires(self, node: cst.Call, scope: Scope) -> bool:
        if any(c.acquires for c in self.names.calls(node, scope)):
            return True
        given = (a.value for a in node.args if isinstance(a.value, (cst.Lambda, cst.Name, cst.Call)))
        passed = (self.names.definition(value, scope) for value in given)
        calls_back = any(isinstance(f, Function) and self.hands_over(f) for f in passed)
        defined = self.names.definition(node.func, scope, interest="anything" if calls_back else "acquires")
        if isinstance(defined, Class):
            return self.owned(defined) is not None
        if not isinstance(defined, Function):
            return False
        return calls_back or self.hands_over(defined) or self._lends(defined) or self._is_on_own(node, scope.function)

    def _is_on_own(self, node: cst.CSTNode, function: Function | None) -> bool:
        """True for a call in a function that runs a method of an object which nobody else gets, and that may leave
        something there."""
        if function is None or not isinstance(node, cst.Call):
            return False
        return id(node) in self.names.circles.answer(
            self._on_own,
            id(function),
            frozenset(),
            lambda: frozenset(id(n) for n in calls_of_own(self.names, function, self._fills)),
        )

    def _lends(self, function: Function) -> bool:
        """True for a context manager that gives a session or connection, wherever it has it from."""
        if not function.is_generator or not self.names.is_context_manager(function):
            return False
        acquisition = lent_by(self.names, function)
        return acquisition is not None and acquisition.pooled

    def _enters_lending(self, function: Function) -> bool:
        """True when it enters an object of the project that acquires for the block."""
        for node in function.own_nodes:
            if type(node) is not cst.With:
                continue
            for item in node.items:
                manager = self.names.type_of(item.item, function.scope)
                method = entering_method(self.names, manager, node.asynchronous is not None)
                lent = lent_by(self.names, method) if method else None
                if lent and lent.pooled:
                    return True
        return False

    def hands_over(self, function: Function) -> bool:
        """True when a caller may get hold of something that the function acquires: most functions that acquire also
        release, so their callers need no evaluation."""
        return self._handed_over(function) != "never"

    def defers(self, function: Function) -> bool:
        """True for a function that hands over what it acquires only once somebody awaits or enters what it returns
        (`def connect(): return asyncpg.connect(dsn)`): calling it does no more than calling a coroutine function."""
        return self._handed_over(function) == "later"

    def _handed_over(self, function: Function) -> _When:
        if len(self._active) >= _MAX_DEPTH and id(function) not in self._handing:
            # There is no room to evaluate it; it is asked again where there is.
            self._reach(_MAX_DEPTH)
            return "now" if _may_hand_over(self.names, function) and self.acquires(function) else "never"
        return self.names.circles.answer(self._handing, id(function), "never", lambda: self._given_out(function))

    def _given_out(self, function: Function) -> _When:
        """Whether the function, whatever it is given, may return what it acquires, or leave it in an outer name."""
        if not _may_hand_over(self.names, function) or not self.acquires(function):
            return "never"
        if function.is_generator:
            return "now"
        self._active.append(id(function))
        try:
            if any(s.fresh for s in self._summarise(function, (), [], State({}, {}))):
                return "now"
            later = not function.is_async and self._summarise(function, (), [], State({}, {}), completed=True)
            return "later" if later and any(s.fresh for s in later) else "never"
        except GaveUp:
            return "now"
        finally:
            self._active.pop()

    def _decisive_words(self, module: Index) -> frozenset[str]:
        """Names of functions that acquire or release, or, being of this file, may do so."""
        models = self.names.models
        return models.release_names | models.words_that_acquire | module.function_names

    # ------------------------------------------------------------------------------------------------------ evaluation

    def _evaluate(self, code: Function | Index, items: Sequence[Given], absent: frozenset[str] = frozenset()) -> Record:
        record = Record()
        run = self._run(code, record)
        record.is_fixture = run.yields_to == "fixture"
        entered = self._entered(run, items)
        for name in sorted(absent):
            entered = entered.bind(name, NONE)
        out = self._body(run, entered)
        function = run.function
        record.taken.update(record.kept)
        normal = (s for c, states in out.items() if not c.exceptional and c.kind != "exit" for s in states)
        record.ambient_left.update(ambient.left_in_use(record, normal))
        # What the ways leave behind that end normally decides about the others.
        for completion, states in sorted(out.items(), key=lambda way: way[0].exceptional):
            for ended in states:
                leave(run, function, ended, completion)
        return record

    def _run(self, code: Function | Index, record: Record, making: bool = False) -> Run:
        function = code if isinstance(code, Function) else None
        making = making or (function is not None and function.owner is not None and function.name in MAKING)
        scope = code.scope
        at_module = frozenset(scope.bindings) if function is None else frozenset(scope.declared_outside)
        facts = self._facts_of(code)
        return Run(
            names=self.names,
            scope=scope,
            function=function,
            record=record,
            evaluate=evaluate,
            execute=statements.evaluate_block,
            owned=self.owned,
            summarise=self.summarise,
            is_on_own=lambda node: self._is_on_own(node, function),
            hands_over=self.hands_over,
            defers=self.defers,
            reaches=self.reaching.reaches,
            settled=lambda method, node: self.reaching.settled(method, node, scope),
            ambient=self._ambient_left,
            dispatched=lambda node: self.reaching.dispatched(node, scope),
            is_kept=lambda type_name: self._is_kept(type_name, scope.module),
            kept=self.holds.of,
            draws=self.draws,
            global_names=at_module,
            repeated=facts.repeated,
            answers=facts.answers,
            collections=facts.collections,
            objects=facts.objects,
            live=facts.live,
            constants=facts.constants,
            seldom=facts.seldom,
            taken_back=facts.taken_back,
            making=making,
            yields_to=self._yields_to(function),
        )

    def _facts_of(self, code: Function | Index) -> Facts:
        """What the text of a function says; it is evaluated many times, and read once."""
        if id(code) not in self._facts:
            words = self._decisive_words(code.scope.module)
            self._facts[id(code)] = facts_of(code, words, self.names.models.release_names)
        return self._facts[id(code)]

    def _initial(self, code: Function | Index) -> State:
        return State(dict.fromkeys(self._facts_of(code).unbound, Value(constant=UNBOUND)), {})

    def _entered(self, run: Run, items: Sequence[Given]) -> State:
        """The state in which a function is entered with what is handed in."""
        state = self._initial(run.function or run.scope.module)
        for position, item in enumerate(items):
            number = SYMBOLIC + position
            node: cst.CSTNode = run.function.node if run.function else run.scope.module.module
            site = Site(
                number,
                node,
                item.acquisition,
                item.path,
                position,
                item.injected,
                item.outlives,
                item.used_by,
                item.hidden,
                of_object=item.of_object,
                provider=item.provider,
                within=item.within is not None,
            )
            run.record.given.append(site)
            state = state.add(number, Obligation(site, holding=bool(item.used_by) or not item.acquisition.lazy))
            if item.within is not None:
                at = frozenset((path, number) for path in item.within.at)
                state = state.bind(item.path, Value(item.within.type, parts=frozenset({number}), held_at=at))
            elif not item.hidden:
                state = state.bind(item.path, Value(item.acquisition.type, refs=frozenset({number})))
        return state

    def _body(self, run: Run, state: State) -> Outcomes:
        function = run.function
        if function is None:
            return statements.evaluate_block(run, run.scope.module.module.body, [state])
        if isinstance(function.node, cst.Lambda):
            out = Outcomes()
            for after, value in evaluate(run, function.node.body, state, out):
                out.add(RETURN, after.bind(statements.RETURNED, value))
            return out
        return statements.evaluate_block(run, body_of(function.node.body), [state])

    def _yields_to(self, function: Function | None) -> Literal["nobody", "manager", "fixture", "consumer"]:
        if function is None or not function.is_generator:
            return "nobody"
        decorators = [d.func if isinstance(d, cst.Call) else d for d in function.decorators]
        qualified = [self.names.qualify(d, function.parent) for d in decorators]
        teardown = next((self.names.models.teardowns[q] for q in qualified if q in self.names.models.teardowns), None)
        if teardown:
            return "fixture" if teardown.always_resumed else "manager"
        if self.names.is_context_manager(function) or self._is_dependency(function):
            return "manager"
        return "consumer"

    def _is_dependency(self, function: Function) -> bool:
        """A generator that yields once, outside any loop, has the form of an injected dependency."""
        if isinstance(function.node, cst.Lambda) or function.owner:
            return False
        yields = [n for n in function.body_nodes if isinstance(n, cst.Yield)]
        loops = [n for n in function.body_nodes if isinstance(n, (cst.For, cst.While))]
        return (
            len(yields) == 1
            and not isinstance(yields[0].value, cst.From)
            and not any(yields[0] in descendants(loop) for loop in loops)
        )

    # ------------------------------------------------------------------------------------------------------- summaries

    def summarise(
        self, function: Function, arguments: tuple[tuple[str, Value], ...], state: State, making: bool = False
    ) -> tuple[Summary, ...] | None:
        """In which ways a call of the function completes, in the caller's terms; None when that is not known or not
        needed.

        Args:
            function: the function.
            arguments: what it is given.
            state: the state before.
            making: whether what a method leaves on its object counts.
        """
        making = making and function.owner is not None and self._fills(function)
        numbers = sorted(frozenset[int]().union(*(v.reach() for _, v in arguments)))
        calls_back = any(v.function and not state.reach(v) and self.hands_over(v.function) for _, v in arguments)
        if not numbers and not calls_back and not making and not self.hands_over(function):
            if not any(v.constant is None or v.constant is UNBOUND for _, v in arguments):
                return None
        elif not numbers and not making and self.names.runs_once(function):
            return None
        if self.names.is_abstract(function):
            return None
        depth = len(self._active)
        if id(function) in self._active or depth >= _MAX_DEPTH:
            self._reach(_MAX_DEPTH)
            return None
        known = [n for n in numbers if n in state.obligations]
        own = {number: SYMBOLIC + index for index, number in enumerate(known)}
        compared = self._facts_of(function).compared
        arguments = tuple((name, symbolic(value, own, name in compared)) for name, value in arguments)
        arguments = (*arguments, *self._defaults(function, {name for name, _ in arguments}))
        arguments = tuple(self._telling(function, dict(arguments)))
        key = (
            id(function),
            making,
            arguments,
            tuple((id(o.site.acquisition), o.holding, o.scarcely) for o in (state.obligations[n] for n in known)),
        )
        kept = self._summaries.get(key)
        if kept is not None and depth + kept.answer[0] < _MAX_DEPTH:
            height, found = self.names.circles.again(kept)
        else:
            # What is cut off at the bound must not stand for what is asked further out.
            here = (depth, *key)
            height, found = self.names.circles.answer(
                self._summaries, here, (0, None), lambda: self._summarised(function, arguments, known, state, making)
            )
            if here in self._summaries and depth + height < _MAX_DEPTH:
                self._summaries[key] = self._summaries.pop(here)
        self._reach(depth + height)
        if found is None:
            return None
        return tuple(translated(s, known) for s in found)

    def _telling(self, function: Function, arguments: Mapping[str, Value]) -> Iterator[tuple[str, Value]]:
        """The arguments in the order of the parameters, without those of which nothing is known: a summary is made once
        for all calls that tell the function the same."""
        for index, parameter in enumerate(function.parameters):
            value = arguments.get(parameter.name, NOTHING)
            if index == 0 and value.type and function.owner and self._is_any_heir(function, value.type, function.owner):
                value = replace(value, type=self.names.local_type(function.owner))
            if value != NOTHING:
                yield parameter.name, value
        own = {p.name for p in function.parameters}
        yield from ((name, value) for name, value in arguments.items() if name and name not in own)

    def _is_any_heir(self, method: Function, type_name: str, owner: Class) -> bool:
        """True for a class whose objects a method cannot tell from those of the class that defines it: what it names of
        its object is looked up by the latter in any case."""
        heir = self.names.local_class(type_name) if self.names.has_receiver(method) else None
        if heir is None or heir is owner or owner not in self.names.ancestors(heir):
            return False
        return not self.names.modelled_base(heir) and not self._shows_object(method)

    def _shows_object(self, method: Function) -> bool:
        """True when a method, or one that it calls on its object, does more with that than to name attributes."""
        return self.names.circles.answer(
            self._showing,
            id(method),
            False,
            lambda: (
                self.names.has_receiver(method)
                and (_names_object(method) or any(self._shows_object(m) for m in self._own_methods(method)))
            ),
        )

    def _defaults(self, function: Function, given: set[str]) -> Iterator[tuple[str, Value]]:
        """What parameters stand for that a call gives nothing, where that is written out."""
        compared = self._facts_of(function).compared
        for name, default in literal_defaults(function, given):
            value = NONE if default is None else Value(constant=default)
            yield name, symbolic(value, {}, name in compared)

    def _summarised(
        self, function: Function, arguments: tuple[tuple[str, Value], ...], known: list[int], state: State, making: bool
    ) -> tuple[int, tuple[Summary, ...] | None]:
        """The summary, and how far calls go below the function."""
        depth = len(self._active)
        self._active.append(id(function))
        self._reached.append(depth)
        found: tuple[Summary, ...] | None = None
        try:
            found = self._summarise(function, arguments, known, state, self.defers(function), making)
        except GaveUp:
            pass
        finally:
            self._active.pop()
            height = self._reached.pop() - depth
        return height, found

    def _reach(self, depth: int) -> None:
        """Note how deep calls go in what is being summarised; `_MAX_DEPTH` where they were cut off."""
        if self._reached:
            self._reached[-1] = max(self._reached[-1], depth)

    def _summarise(
        self,
        function: Function,
        arguments: tuple[tuple[str, Value], ...],
        known: list[int],
        caller: State,
        completed: bool = False,
        making: bool = False,
    ) -> tuple[Summary, ...]:
        """The ways in which a call completes.

        Args:
            completed: whether together with awaiting or entering what it returns.
            making: whether the caller makes the object whose method it is.
        """
        run = self._run(function, Record(), making)
        run.tries = 1  # the caller may catch what the callee raises
        if function.is_generator:
            run.yields_to = "reader"
        state = self._initial(function)
        for index, number in enumerate(known):
            origin = caller.obligations[number]
            site = Site(SYMBOLIC + index, function.node, origin.site.acquisition, origin.site.label, parameter=index)
            state = state.add(SYMBOLIC + index, Obligation(site, holding=origin.holding, scarcely=origin.scarcely))
        shared = frozenset(function.scope.declared_outside & {name for name, _ in arguments})
        run.global_names -= shared
        passed = dict(arguments)
        for parameter in function.parameters:
            value = passed.get(parameter.name)
            if value is not None:
                state = state.bind(parameter.name, value)
        own = {p.name for p in function.parameters}
        for name, value in arguments:  # what a closure refers to
            if name and name not in own:
                state = state.bind(name, value)
        found: dict[tuple[object, ...], Summary] = {}
        out = self._body(run, state)
        for completion, states in (_completed(run, out) if completed else out).items():
            for ended in states:
                summary = summarised(completion, run.keep_cells(ended), shared, run.own if making else "")
                key = (
                    summary.completion,
                    summary.value,
                    summary.fates,
                    summary.doubtful,
                    bool(summary.fresh),
                    bool(summary.built),
                    summary.explicit,
                    summary.outer,
                )
                first = found.setdefault(key, summary)
                # Whether a lent session has a connection tells no ways apart: it may have one.
                found[key] = holding_as_either(first, summary)
        held = (h for h in run.record.holds.values() if h.obligation.lane is not Lane.RESOURCE)
        waited = frozenset(h.site.number for h in held if h.site.number >= SYMBOLIC)
        seen = (replace(s, waited=waited, yielding=frozenset(run.record.yielding)) for s in found.values())
        ordered = sorted(seen, key=lambda s: s.completion.exceptional)
        return tuple(ordered[:_MAX_OUTCOMES])


def _completed(run: Run, out: Outcomes) -> Outcomes:
    """How a function completes together with awaiting or entering what it returns."""
    done = Outcomes()
    for completion, states in out.items():
        for state in states:
            value = state.get(statements.RETURNED)
            pending = value.pending
            if completion.kind != "return" or pending is None or not pending.acquires:
                done.add(completion, state)
                continue
            entered = any(c.at == "enter" for c in pending.calls)
            attempt: Attempt = "await"
            if entered:
                attempt = "async-with" if pending.calls[0].with_form == "async" else "sync-with"
            before = state.bind(statements.RETURNED, NONE)
            for after, result in complete(run, pending.node, value, before, done, attempt):
                done.add(RETURN, after.bind(statements.RETURNED, result))
    return done


# ------------------------------------------------------------------------------------------------- a look at the syntax


def _may_hand_over(names: Names, function: Function) -> bool:
    """True unless the function plainly returns and yields nothing that can be or hold a resource, and binds no name of
    a function around it."""
    if isinstance(function.node, cst.Lambda) or function.is_generator or function.scope.declared_outside:
        return True
    returns = function.node.returns
    if returns and isinstance(returns.annotation, cst.Name):
        annotated = returns.annotation
        if annotated.value == "None" or names.qualify(annotated, function.parent) in _INERT_TYPES:
            return False
    statements = nodes_of(cst.Return, function.body_nodes)
    return any(n.value is not None and not _is_inert(n.value) for n in statements)


def _is_inert(node: cst.BaseExpression) -> bool:
    """True for an expression whose value is plainly a constant, a truth value or a text."""
    return (
        isinstance(node, (cst.BaseNumber, cst.BaseString, cst.Comparison))
        or (isinstance(node, cst.Name) and node.value in {"None", "True", "False"})
        or (isinstance(node, cst.UnaryOperation) and isinstance(node.operator, cst.Not))
    )


def _names_object(method: Function) -> bool:
    """True unless a method turns to its object only for attributes of it."""
    own, body = method.parameters[0].name, method.node.body
    through = {id(n.value) for n in nodes_of(cst.Attribute, descendants(body))}
    return any(n.value == own and id(n) not in through for n in nodes_of(cst.Name, descendants(body)))


def own_calls(node: cst.CSTNode, scope: Scope) -> Iterator[tuple[cst.Call, Scope]]:
    """Calls in a function's own body, not in functions nested in it."""
    for inner in descendants(node, into_functions=False):
        if type(inner) is cst.Call:
            yield inner, scope

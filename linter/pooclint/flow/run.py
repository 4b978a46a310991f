"""What one evaluation of a function works with: look-ups, bounds, and the record of what it saw."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import reduce
from typing import TYPE_CHECKING, Literal, Protocol

import libcst as cst

from pooclint.flow.completions import Completion, Outcomes, States, telling
from pooclint.flow.record import Owned, Reached, Record, Summary
from pooclint.flow.states import State
from pooclint.flow.values import CALLBACKS, COLLECTIONS, MORE, NOTHING, Fate, Lane, Obligation, Site, Value
from pooclint.flow.widening import merged, without_knowledge
from pooclint.models import Acquisition, Models, RequestHold
from pooclint.program.names import Names
from pooclint.program.scopes import Class, Function, Scope
from pooclint.rule import Place
from pooclint.source.nodes import descendants, dotted, nodes_of

if TYPE_CHECKING:
    from pooclint.flow.draws import Draws
    from pooclint.flow.invocations import Results
    from pooclint.flow.liveness import Liveness
    from pooclint.flow.switches import Literals

MAX_STATES = 32
"""States of one completion that are told apart; beyond it what is known of plain names is given up."""
MAX_EVALUATIONS = 20_000
"""Statements evaluated for one function, once for each state, each turn of a loop and each way into a `finally`; a
state that holds much counts for several."""
_LONG = 250
_MAX_ALIKE = 2
"""From so many evaluations on, only so many of the states that hold the same are told apart. Few functions get there;
where many states differ in nothing else, they are half of the work of a run."""
_THRIFT = ((MAX_EVALUATIONS // 4, 8), (MAX_EVALUATIONS // 2, 2))
"""From so many evaluations on, only so many states are told apart: a coarse end is better than none."""
MAX_OBLIGATIONS = 64
"""Obligations that a state follows; beyond it the oldest that are settled are forgotten."""
MAX_ROUNDS = 6
"""Times a loop body is evaluated for a fixpoint."""


CELL = "#cell "
"""Prefix of the names under which a state remembers that an escaped closure refers to a variable."""
UNPACKED = "**"
"""Prefix of the names under which a state has what a function was given by keywords that are no parameters of it."""


class GaveUp(Exception):  # noqa: N818 - it says what happened; the program is not at fault
    """A function exceeded a bound; the text says which."""


class Reaches(Protocol):
    """What tells which external call a function of the project makes."""

    def __call__(self, function: Function, given: Literals = ...) -> Reached | None:
        """The call, where there is one; `given` is what is known of the function's parameters."""


class Summarises(Protocol):
    """What evaluates functions of the project for their callers."""

    def __call__(
        self, function: Function, arguments: tuple[tuple[str, Value], ...], state: State, making: bool = False
    ) -> tuple[Summary, ...] | None:
        """The ways in which a call completes; `making` where what a method leaves on its object counts."""


@dataclass(slots=True)
class Run:
    """The evaluation of one function body."""

    names: Names
    scope: Scope
    function: Function | None
    record: Record
    evaluate: Callable[[Run, cst.CSTNode, State, Outcomes], Results]
    """Evaluates an expression (`flow/expressions.py`), for those on whom that builds."""
    execute: Callable[[Run, Sequence[cst.CSTNode], Iterable[State]], Outcomes]
    """Evaluates statements one after the other (`flow/statements.py`), likewise."""
    owned: Callable[[Class], Owned | None]
    """What an object of a class holds, and gives back by a method of its own."""
    summarise: Summarises
    """Outcomes of calling a function of the project with these arguments; None when nothing is known."""
    is_on_own: Callable[[cst.CSTNode], bool]
    """Whether a call runs a method of an object that the function has made, and nobody else gets."""
    hands_over: Callable[[Function], bool]
    """Whether a caller of a function of the project may get hold of something that it acquires."""
    defers: Callable[[Function], bool]
    """Whether that is so once what the function returns has been awaited, or entered by `with`."""
    reaches: Reaches
    """The external call that a project function makes, itself or through others, and the way to it."""
    settled: Callable[[Function, cst.Call], Mapping[str, object]]
    """What the attributes of its own object stand for in a method that is called, as far as its making tells."""
    ambient: Callable[[Function], Mapping[str, bool | None]]
    """By type of a session that nobody acquires, whether a function of the project may leave it with a connection."""
    dispatched: Callable[[cst.Call], Reached | None]
    """What tells which external call a method makes whose receiver is not known."""
    is_kept: Callable[[str], bool]
    """Whether a type of sessions that nobody acquires matters here."""
    kept: Callable[[Function], RequestHold | None]
    """What settings make a request keep in which a function runs."""
    draws: Draws
    """The pools from which functions of the project take connections."""
    global_names: frozenset[str]
    repeated: frozenset[str]
    """Names that are tested at least twice, or assigned a constant and tested: worth telling apart."""
    answers: frozenset[str]
    """Names that stand for what a call gave, and are tested: `saved = save(session)` tells what became of it."""
    collections: Mapping[str, int]
    """Names to which something is added, by the numbers of the collections that they may stand for."""
    objects: Mapping[int, tuple[int, cst.Call]]
    """By their `id`, calls that give something on whose attributes the function puts something, with the number of
    that."""
    live: Liveness | None
    """The names that may still be read; None: all of them, always."""
    constants: Mapping[str, object]
    """Variables that stand for one text, number or truth value wherever they have one, with that."""
    seldom: frozenset[int]
    """Calls, by `id`, that most calls of the function do not make."""
    taken_back: frozenset[str]
    """Paths of attributes and elements of something else that the function fills and releases from there."""
    making: bool = False
    """True where what the function leaves on its own object counts: that is being made, or nobody else gets it."""
    yields_to: Literal["nobody", "manager", "fixture", "consumer", "reader"] = "nobody"
    """Who resumes the function after `yield`. A reader reads to the end; a consumer may stop, or throw into it."""
    evaluations: int = 0
    tries: int = 0
    """How many `try` statements enclose the current statement."""
    expected: int = 0
    """How many `with` statements do whose manager catches what a resource raises: somebody reckons with that."""
    cleanups: int = 0
    """How many handlers and `finally` blocks do."""
    let_go: frozenset[int] | None = None
    """By `id`, calls whose value the function lets go; None as long as nobody has asked."""
    from_own_pools: dict[int, bool] = field(default_factory=dict)
    """By the `id` of an acquiring call, whether it takes something from a pool that nobody else has; a memo."""

    @property
    def own(self) -> str:
        """The name that a method has for its object; empty in other functions."""
        function = self.function
        return function.parameters[0].name if function and function.owner and function.parameters else ""

    @property
    def models(self) -> Models:
        """The loaded models."""
        return self.names.models

    def tick(self, states: Collection[State], times: int = 1) -> None:
        """Count a statement that is evaluated from these states.

        Raises:
            GaveUp: the bound is exceeded.
        """
        self.evaluations += times * sum(1 + len(s.obligations) // 16 + len(s.env) // 128 for s in states)
        if self.evaluations > MAX_EVALUATIONS:
            raise GaveUp(f"more than {MAX_EVALUATIONS:,} evaluations of statements")

    def narrow(self, states: list[State], node: cst.CSTNode) -> list[State]:
        """The states in which a statement is entered, a handler, or the head of a loop (by its body)."""
        if self.live is None or len(states) < 2 or id(node) not in self.live.before:
            return states
        return self.live.narrowed(states, self.live.before[id(node)])

    def left(self, outcomes: Outcomes, node: cst.CSTNode) -> Iterator[tuple[Completion, Iterable[State]]]:
        """In which states a statement was left, if not normally."""
        live = self.live.left.get(id(node)) if self.live else None
        for completion, states in outcomes.by_completion.items():
            yield completion, self.live.narrowed(states, live) if self.live and live is not None else states

    def limit(self, states: list[State]) -> list[State]:
        """At most `MAX_STATES` states: beyond, knowledge of plain names goes first, then of what is released or handed
        over, then the states that tell least. In long functions, few of those that hold the same."""
        if self.evaluations > _LONG and len(states) > _MAX_ALIKE:
            fewer = merged(states, _MAX_ALIKE)
            self.record.cut = self.record.cut or len(fewer) < len(states)
            states = fewer
        most = next((n for since, n in reversed(_THRIFT) if self.evaluations > since), MAX_STATES)
        if len(states) <= most:
            return states
        self.record.cut = True
        widened = without_knowledge(states)
        if len(widened) > most:
            widened = list(States(reduce(State.forget, self._settled(s), s) for s in widened))
        self.record.dropped = self.record.dropped or len(widened) > most
        return telling(widened, most, lambda s: s)

    def site(
        self,
        node: cst.CSTNode,
        acquisition: Acquisition,
        label: str,
        through: str = "",
        guessed: bool = False,
        origin: Place | None = None,
        place: int = 0,
    ) -> Site:
        """The site of an acquiring node; the same one each time.

        Args:
            place: of a call that hands over several resources, which of them.
        """
        known = self.record.sites.get(id(node)) if not place else self.record.beside.get((id(node), place))
        if known is None:
            number = len(self.record.sites) + len(self.record.beside)
            known = Site(number, node, acquisition, label, through=through, guessed=guessed, origin=origin)
            if place:
                self.record.beside[id(node), place] = known
            else:
                self.record.sites[id(node)] = known
        return known

    def acquire(self, state: State, site: Site, **facts: object) -> tuple[State, int]:
        """The state after acquiring, and the obligation's number. An earlier one of the same site keeps its
        identity."""
        number = site.number * 2
        if number in state.obligations:
            collected = state.obligations[number].owner <= COLLECTIONS
            older = state.obligations.get(number + 1)
            if older is not None and older.owner <= COLLECTIONS:  # it is followed no further
                state = state.assume(f"{MORE}{older.owner}", truth=True)
            referenced = collected or any(number in v.reach() or number in v.derived for v in state.env.values())
            state = state.forget(number + 1).renumber(number, number + 1) if referenced else state.without([number])
        if len(state.obligations) >= MAX_OBLIGATIONS:
            oldest = self._settled(state)
            state = reduce(State.forget, oldest[: (len(oldest) + 1) // 2], state)
        obligation = Obligation(site, holding=not site.acquisition.lazy, **facts)  # type: ignore[arg-type]
        return state.add(number, obligation), number

    def _settled(self, state: State) -> list[int]:
        """The obligations of which nothing more can come, the oldest first."""
        owners = {o.owner for o in state.obligations.values()}
        return [n for n, o in state.obligations.items() if _is_settled(o) and n not in owners]

    def is_older(self, number: int) -> bool:
        """True for the number of an obligation whose site has acquired again since."""
        return number % 2 == 1

    def release(self, state: State, numbers: frozenset[int], node: cst.CSTNode, explicit: bool = True) -> State:
        """The state after a release at `node`.

        Args:
            explicit: False where nothing is called that releases: it turned out to be closed, or was read to its end.
        """
        for stack in sorted(numbers):
            for callback in state.get(f"{CALLBACKS}{stack}").items or ():  # out of sight: they do what they are for
                numbers |= state.reach(callback)
            state = state.bind(f"{CALLBACKS}{stack}", NOTHING)
        for number in state.owned(numbers):
            obligation = state.obligations.get(number)
            if obligation:
                places = self.record.releases.setdefault(obligation.site.number, [])
                if all(p is not node for p in places):
                    places.append(node)
                if obligation.lane is Lane.NORMAL:
                    self.record.in_order.add(obligation.site.number)
        live = [n for n, o in state.obligations.items() if o.fate is not Fate.RELEASED]
        after = state.settle(numbers, Fate.RELEASED)
        done = [n for n in live if explicit and after.obligations[n].fate is Fate.RELEASED]
        return after.change(done, released=node)

    def keep(self, state: State, numbers: frozenset[int], stored: bool = False) -> State:
        """The state after handing those over to somebody else, or storing them where they outlive the call."""
        state = self.hand_callbacks(state, numbers, stored)
        self._handed(state, numbers, stored)
        state = state.settle(numbers, Fate.KEPT)
        for number in numbers:  # somebody else puts into it, and takes out of it, too
            if number <= COLLECTIONS:
                env = {k: v.without(number) for k, v in state.env.items()}
                state = State(env, state.obligations, state.trace, state.causes)
        return state

    def used_by_somebody(self, state: State, numbers: frozenset[int], node: cst.CSTNode) -> State:
        """The state after somebody who is not followed has used these: lazy ones have a connection since `node`, unless
        theirs lasts no longer than a statement."""
        known = [
            (n, self.models.type(state.obligations[n].site.acquisition.type))
            for n in numbers & state.obligations.keys()
        ]
        idle = [n for n, type_ in known if type_ and type_.lazy and type_.idle_between]
        return state.change(idle, holding=False).occupy([n for n in numbers if n not in idle], node)

    def given_back_by(self, node: cst.Call, arguments: Sequence[tuple[int | str, Value]], state: State) -> State:
        """The state once a call was given what it may call: of sessions of which that gives the connection back
        (`retry(lambda: session.commit())`, `retry(session.commit)`) nobody knows that they still have one, when it
        returns or while it waits."""
        if not any(o.holding and o.site.acquisition.lazy for o in state.obligations.values()):
            return state
        done: set[int] = set()
        for argument, (_, value) in zip(node.args, arguments, strict=False):
            closure = value.function if value.closure else None
            inside = descendants(closure.node.body) if closure else (argument.value,)
            for read in nodes_of(cst.Attribute, inside):
                path = dotted(read.value)
                if value.closure and path.partition(".")[0] not in value.closure.captures:
                    continue  # a parameter of its own
                known = state.get(path).refs & state.obligations.keys()
                done.update(n for n in known if self.checks_in(state.obligations[n], read.attr.value))
        return state.change(done, holding=False) if done else state

    def checks_in(self, obligation: Obligation, method: str) -> bool:
        """True for a method by which a lazy session gives its connection back."""
        type_ = self.models.type(obligation.site.acquisition.type)
        return type_ is not None and type_.lazy and method in type_.checks_in

    def hand_callbacks(self, state: State, numbers: frozenset[int], stored: bool = False) -> State:
        """The state after what these will call at their end, where they are stacks, has gone with them."""
        for stack in sorted(numbers):
            for callback in state.get(f"{CALLBACKS}{stack}").items or ():
                state = self.hand_over(state, callback, stored)
        return state

    def _handed(self, state: State, numbers: frozenset[int], stored: bool) -> None:
        for number in state.owned(numbers):
            if number in state.obligations:
                self.record.kept.add(state.obligations[number].site.number)
                if stored:
                    self.record.stored.add(state.obligations[number].site.number)

    def hand_over(self, state: State, value: Value, stored: bool = False) -> State:
        """The state after a value is returned, stored or given away for good, with all that it leads to.

        What an escaped closure refers to by a variable has an owner for as long as the variable holds it.
        """
        through = state.reach(value) - value.reach()
        self._handed(state, through, stored)
        # Who has an object that only borrows what somebody else keeps has nothing to release.
        known = {n: state.obligations[n].site for n in value.borrowed() if n in state.obligations}
        lent = frozenset(n for n, site in known.items() if site.parameter >= 0 and not site.within)
        numbers = value.reach() | self.comes_with(value, state)
        state = self.keep(state, numbers - lent, stored).settle(lent, Fate.KEPT).change(through, doubtful=True)
        for name in value.captured():
            state = state.assume(CELL + name, truth=True)
        return state

    def comes_with(self, value: Value, state: State) -> frozenset[int]:
        """What who has the value has, too: a response whose body it reads (`response.iter_content()`)."""
        known = value.derived & state.obligations.keys()
        if not known:
            return frozenset()
        type_ = self.models.type(value.type)
        if type_ is None or type_.kind != "response":
            return frozenset()
        return frozenset(n for n in known if state.obligations[n].site.acquisition.kind == "response")

    def keep_cells(self, state: State) -> State:
        """The state at the end of the function: what the variables of escaped closures hold has an owner."""
        for key in state.env:
            if key.startswith(CELL):
                state = self.keep(state, state.reach(state.get(key.removeprefix(CELL))))
        return state

    def fail(
        self,
        state: State,
        node: cst.CSTNode,
        out: Outcomes,
        completion: Completion,
        lanes: dict[int, Lane],
        default: Lane,
        leaving: bool = False,
    ) -> None:
        """Record that `node` may raise in this state. Where nothing is held and nothing catches, it does not matter.
        Other arguments as in `State.raised`."""
        if self.tries or state.holds:
            out.add(completion, state.raised(node, lanes, default, leaving))


def _is_settled(obligation: Obligation) -> bool:
    settled = obligation.fate in (Fate.RELEASED, Fate.KEPT)
    return settled and not obligation.managed and obligation.site.parameter < 0

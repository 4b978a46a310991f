"""What one evaluation of a function works with: look-ups, bounds, and the record of what it saw."""

from __future__ import annotations

import enum
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import reduce
from typing import TYPE_CHECKING, Literal, Protocol

import libcst as cst

from pooclint.flow.completions import Completion, Outcomes, States, telling
from pooclint.flow.values import (
    CALLBACKS,
    COLLECTIONS,
    MORE,
    NOTHING,
    Fate,
    Lane,
    Obligation,
    Site,
    State,
    Value,
)
from pooclint.flow.widening import merged, without_knowledge
from pooclint.models import Acquisition, External, Models, RequestHold
from pooclint.program.names import Names
from pooclint.program.pool_identity import Pool
from pooclint.program.scopes import Class, Function, Scope
from pooclint.rule import Place
from pooclint.source.nodes import descendants, dotted, nodes_of

if TYPE_CHECKING:
    from pooclint.flow.draws import Draw, Draws
    from pooclint.flow.given import Within
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


@dataclass(frozen=True, slots=True)
class Leak:
    """A way on which an obligation is lost or outlives the function."""

    site: Site
    kind: Literal["exit", "overwritten", "discarded"]
    obligation: Obligation
    completion: Completion
    node: cst.CSTNode | None
    """Where it is lost: the exit, the rebinding. None: the end of the function."""
    cause: cst.CSTNode | None
    """What failed last while it was held, on an exceptional way."""
    trace: tuple[tuple[cst.CSTNode, str], ...]
    place: str = ""
    """The path of the attribute or element that still holds it: the function releases it from there on other ways."""
    only_part: bool = False
    """True when it never had a name of its own: what the function has kept of it only leads back to it."""

    @property
    def idle(self) -> bool:
        """True for one that has no connection there: not used yet, given back by a commit, failed to connect."""
        return not self.obligation.holding

    @property
    def rank(self) -> tuple[int, bool, int, bool, int]:
        """The lower, the better the leak explains the site."""
        # Of equally plain ways, what the user of a generator raises at its `yield` comes first.
        at_yield = isinstance(self.cause, cst.Yield)
        return (self.obligation.lane, self.idle, self.obligation.doubtful, not at_yield, len(self.trace))


class Left(enum.Enum):
    """Whether a session that nobody acquires has a connection when a function returns."""

    FREE = enum.auto()
    SELDOM = enum.auto()
    EITHER = enum.auto()
    """Where it had nothing to write; else it gives it back."""
    BUSY = enum.auto()


@dataclass(frozen=True, slots=True)
class Reached:
    """An external call that a project function makes, itself or through others."""

    external: External
    steps: tuple[str, ...]
    """The functions between, outermost first, and the call."""
    place: Place
    functions: tuple[int, ...]
    """The `id` of these functions."""
    guessed: bool = False
    """True when only a method's name says what is called."""
    retries: bool = False
    """True for a pause between attempts at something that the function is given."""
    handed_back: bool = False
    """True when the function only gives what makes it (a task, a coroutine): it is made where that is awaited."""

    @property
    def way(self) -> str:
        """How messages show it."""
        return " → ".join(self.steps)

    def under(self, function: Function) -> Reached:
        """The same from a function that calls the outermost, or is one of those between."""
        if id(function) in self.functions:
            place = self.functions.index(id(function))
            return replace(self, steps=self.steps[place:], functions=self.functions[place:])
        return replace(self, steps=(function.name, *self.steps), functions=(id(function), *self.functions))

    @property
    def order(self) -> tuple[tuple[bool, bool, bool], int]:
        """The lower, the better it says what a call of the outermost function waits for: of equal ranks the shortest
        way."""
        return self.rank, len(self.steps)

    @property
    def rank(self) -> tuple[bool, bool, bool]:
        """The lower, the longer it may take: a service before a pause of one's own, and what is usually fast last; of
        equals what is known before what is guessed."""
        return (self.external.fast, self.external.category in ("sleep", "wait"), self.guessed)


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


@dataclass(frozen=True, slots=True)
class Hold:
    """A connection is held while an external call is made."""

    site: Site
    obligation: Obligation
    node: cst.CSTNode
    """The external call."""
    external: External
    awaited: bool
    reached: Reached | None = None
    """Where the call is made, when a project function makes it."""
    passed_on: Function | None = None
    """That function, where it is lent the connection as well: if its own evaluation sees the same, it is the one to be
    told."""


@dataclass(frozen=True, slots=True)
class Suspended:
    """A connection is held while the function is suspended, or after it has returned, until somebody has read what it
    gives."""

    site: Site
    obligation: Obligation
    node: cst.CSTNode
    """The `yield`, or the `return` of the response."""
    lasting: bool = True
    """False for a response whose body is there when it is returned: it lasts as long as it takes to send it."""


@dataclass(frozen=True, slots=True)
class Shared:
    """Several tasks or threads use one connection or session at the same time."""

    site: Site
    obligation: Obligation
    node: cst.CSTNode
    """What starts the second of them, or all."""
    first: cst.CSTNode | None = None
    """What started the first one, where that is another call."""


@dataclass(frozen=True, slots=True)
class Nested:
    """A second connection is taken from a pool of which one is held."""

    site: Site
    """Where the held one was taken."""
    obligation: Obligation
    node: cst.CSTNode
    """Where the second one is."""
    pool: Pool
    second: Site | None = None
    """The acquisition of the second one, when it is this function's own."""
    draw: Draw | None = None
    """How a project function takes it."""

    @property
    def raises(self) -> bool:
        """True when it is an error at once that none is left; False when the second one is waited for."""
        if self.draw:
            return self.draw.raises
        return self.second is not None and self.second.acquisition.raises_when_empty


@dataclass(frozen=True, slots=True)
class Owned:
    """What an object of a class of the project holds, and gives back by its own methods."""

    acquisition: Acquisition
    """The object as a resource."""
    label: str
    """How messages name where that comes from."""
    origin: Place
    """Where it is acquired."""
    unless: frozenset[str] = frozenset()
    """Parameters of the constructor: an object that is given something for one of them may hold nothing of its own."""


MisuseKind = Literal[
    "unbound-release", "wrong-with", "release-not-awaited", "use-after-release", "double-release", "wrong-pool",
    "writes-discarded", "reads-stay-open", "left-in-transaction",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Misuse:
    """A use that is wrong wherever the path leads."""

    kind: MisuseKind
    node: cst.CSTNode
    name: str = ""
    type: str = ""
    asynchronous: bool = False
    site: Site | None = None
    obligation: Obligation | None = None
    """Where the resource stands at the node."""
    cause: cst.CSTNode | None = None
    """What failed last while it was held, on an exceptional way."""
    trace: tuple[tuple[cst.CSTNode, str], ...] = ()

    @property
    def rank(self) -> tuple[int, int]:
        """The lower, the better the way to the node explains the misuse."""
        return (self.obligation.lane if self.obligation else 0, len(self.trace))


@dataclass(slots=True)
class Record:
    """What an evaluation saw. Written by the evaluator, read by the rules."""

    leaks: dict[tuple[int, str, bool], Leak] = field(default_factory=dict)
    """The best-ranked leak of each site and kind, and of leaving normally or by an exception."""
    strays: dict[int, Leak] = field(default_factory=dict)
    """Site number to the best-ranked leak of what stays on an attribute or in an element."""
    releases: dict[int, list[cst.CSTNode]] = field(default_factory=dict)
    """Site number to the places that release it."""
    in_order: set[int] = field(default_factory=set)
    """Numbers of sites that some way releases on which nothing has raised before."""
    left_behind: set[int] = field(default_factory=set)
    """Numbers of sites that are on an attribute, or somebody else's, where the function ends normally."""
    half_filled: set[int] = field(default_factory=set)
    """Numbers of sites that are on an attribute where the function fails, other than by a cancellation."""
    kept: set[int] = field(default_factory=set)
    """Numbers of sites that some way hands over."""
    taken: set[int] = field(default_factory=set)
    """Those of them that some way hands over before it returns."""
    stored: set[int] = field(default_factory=set)
    """Numbers of sites that outlive the call: in a global, an attribute or a container."""
    doubtful: set[int] = field(default_factory=set)
    """Numbers of sites that an unknown callee has seen on a way that ends normally."""
    built: set[int] = field(default_factory=set)
    """Numbers of sites that are methods of an object which is being made: these are looked at themselves, too."""
    fields: dict[int, set[str]] = field(default_factory=dict)
    """Site number to the attributes of the function's object that hold it in the end."""
    within: dict[int, dict[str, Within]] = field(default_factory=dict)
    """Site number to the attributes that hold something in the end that refers to it, with how that does."""
    filled: set[str] | None = None
    """The attributes that hold something on every way that ends normally; None where there is none."""
    holds: dict[tuple[int, int], Hold] = field(default_factory=dict)
    suspended: dict[tuple[int, int], Suspended] = field(default_factory=dict)
    """By the number of the held site and the `id` of the place."""
    bodies: dict[int, bool] = field(default_factory=dict)
    """By the `id` of a call that makes a response sent piece by piece: whether its body waits for something."""
    left: set[int] = field(default_factory=set)
    """Numbers of injected sites that have a connection when the function returns."""
    shared: dict[int, Shared] = field(default_factory=dict)
    """By the number of the site."""
    nested: dict[tuple[int, int], Nested] = field(default_factory=dict)
    """By the number of the held site and the `id` of the second acquisition."""
    misuses: dict[tuple[MisuseKind, int], Misuse] = field(default_factory=dict)
    """The best-ranked misuse of each kind at each place."""
    used_while_held: dict[tuple[int, int], cst.CSTNode] = field(default_factory=dict)
    """Site numbers and the `id` of calls that some way reaches before the release; the calls."""
    commits: dict[int, cst.CSTNode] = field(default_factory=dict)
    """Site number to a call that commits its work."""
    unseen: set[int] = field(default_factory=set)
    """Numbers of sites whose work may be committed or rolled back by autocommit, or in code that is not seen."""
    sites: dict[int, Site] = field(default_factory=dict)
    """By the `id` of the acquiring node."""
    beside: dict[tuple[int, int], Site] = field(default_factory=dict)
    """Of calls that hand over several resources, the others, by the `id` of the call and their places."""
    yielding: set[int] = field(default_factory=set)
    """Numbers of the caller's sites that have a connection at a `yield`."""
    ambient: dict[int, Site] = field(default_factory=dict)
    """Sessions that nobody acquires, by their numbers."""
    ambient_left: dict[str, Left] = field(default_factory=dict)
    """By their types, whether they may have a connection when the function returns."""
    given: list[Site] = field(default_factory=list)
    """What is somebody else's when the function is entered; `label` is its path."""
    ends: dict[int, set[Fate]] = field(default_factory=dict)
    """Number of a site in `given` to what becomes of it on the ways that end normally, nothing having raised before."""
    remains: dict[int, bool] = field(default_factory=dict)
    """Number of a site in `given` to whether its path leads to it still, however the function ends normally."""
    replaced: dict[int, cst.CSTNode] = field(default_factory=dict)
    """Number of a site in `given` to the acquisition that takes its path while it is still held."""
    bound: dict[str, list[Site]] = field(default_factory=dict)
    """Sites by the names they were bound to."""
    collected: set[int] = field(default_factory=set)
    """Numbers of sites that some way puts into a collection of the function's own."""
    built_upon: set[int] = field(default_factory=set)
    """Numbers of sites that somebody unknown was given who may answer for them from then on."""
    existing: set[int] = field(default_factory=set)
    """The `id` of calls of functions that acquire something on one way, and give what there was before on another."""
    comprehensions: dict[int, int] = field(default_factory=dict)
    """By the `id` of a comprehension that acquires: which of them it is."""
    is_fixture: bool = False
    """True for what a test runner resumes whatever the test did."""
    cut_lent: bool = False
    """True when that happened where something optional was handed in."""
    cut: bool = False
    """True when states were merged to keep a bound, so that branches are no longer told apart."""
    dropped: bool = False
    """True when ways were left out to keep a bound, so that leaks may be missing."""

    @property
    def placed(self) -> set[int]:
        """Numbers of sites that some way hands over, or puts into a collection."""
        return self.kept | self.collected

    def all_sites(self) -> Iterator[Site]:
        """Every site, of a call that hands over several resources each."""
        yield from self.sites.values()
        yield from self.beside.values()

    def misuse(self, misuse: Misuse, key: int) -> None:
        """Note a misuse; the better-ranked of two of the same kind at the same place stays."""
        known = self.misuses.get((misuse.kind, key))
        if known is None or misuse.rank < known.rank:
            self.misuses[misuse.kind, key] = misuse

    def lend(self, other: Record) -> None:
        """Add what another evaluation saw of what was handed in, and of nothing else."""
        known = {site.number for site in self.given}
        added = {site.number for site in other.given} - known
        self.given += [site for site in other.given if site.number in added]
        self.releases.update({n: places for n, places in other.releases.items() if n in added})
        self.holds.update({key: hold for key, hold in other.holds.items() if key[0] in added})
        self.suspended.update({key: found for key, found in other.suspended.items() if key[0] in added})
        self.left |= other.left & added
        self.shared.update({number: found for number, found in other.shared.items() if number in added})
        self.nested.update({key: nested for key, nested in other.nested.items() if key[0] in added})
        self.cut_lent = other.cut

    def takes_back(self, site: Site) -> bool:
        """True when every way that ends normally releases what it has stored: the function still counts as the one who
        is to release it."""
        return site.number in self.in_order and site.number not in self.left_behind

    def leak(self, leak: Leak) -> None:
        """Note a leak, unless there is nothing to lose; the better-ranked of two for the same site and kind stays."""
        if leak.obligation.is_empty:
            return
        if leak.place:
            stray = self.strays.get(leak.site.number)
            if stray is None or leak.rank < stray.rank:
                self.strays[leak.site.number] = leak
            return
        key = (leak.site.number, leak.kind, leak.completion.exceptional)
        known = self.leaks.get(key)
        if known is None or leak.rank < known.rank:
            self.leaks[key] = leak


@dataclass(slots=True)
class Run:
    """The evaluation of one function body."""

    names: Names
    scope: Scope
    function: Function | None
    record: Record
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
    ambient: Callable[[Function], Mapping[str, Left]]
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


@dataclass(frozen=True, slots=True)
class Built:
    """What a method leaves on an attribute of its object."""

    attribute: str
    number: int
    """Its number in what the method returns."""
    site: Site
    """Where it came from."""
    holding: bool
    """Whether it has a connection."""


@dataclass(frozen=True, slots=True)
class Summary:
    """One way in which a call of a project function completes, in the caller's terms."""

    completion: Completion
    value: Value
    fates: tuple[tuple[int, Fate], ...]
    """The caller's obligations to what becomes of them."""
    doubtful: frozenset[int]
    fresh: tuple[tuple[int, Site], ...]
    """Obligations in `value` that the caller now has (numbers of the callee) and where they came from."""
    explicit: frozenset[int] = frozenset()
    """Those of the released ones for which a call released them; others were found to be closed."""
    outer: tuple[tuple[str, Value], ...] = ()
    """What it leaves in the variables that it declares `nonlocal`."""
    holding: frozenset[int] = frozenset()
    """The caller's obligations that have a connection afterwards."""
    scarcely: frozenset[int] = frozenset()
    """Those of them of which that is so only where a loop has no turn (`Obligation.scarcely`)."""
    waited: frozenset[int] = frozenset()
    """Those of them that have one while an external call is made, on whatever way."""
    yielding: frozenset[int] = frozenset()
    """Those of them that have one at a `yield`, on whatever way."""
    built: tuple[Built, ...] = ()
    """What a method leaves on the attributes of an object that is the caller's: it is being made, or nobody else gets
    it."""


def _is_settled(obligation: Obligation) -> bool:
    settled = obligation.fate in (Fate.RELEASED, Fate.KEPT)
    return settled and not obligation.managed and obligation.site.parameter < 0

"""What the evaluation of a function has found, and what its callers are told."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal

import libcst as cst

from pooclint.flow.completions import Completion
from pooclint.flow.values import Fate, Obligation, Site, Value
from pooclint.models import Acquisition, External
from pooclint.program.pool_identity import Pool
from pooclint.program.scopes import Function
from pooclint.rule import Place

if TYPE_CHECKING:
    from pooclint.flow.draws import Draw
    from pooclint.flow.given import Within


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
    ambient_left: dict[str, bool | None] = field(default_factory=dict)
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

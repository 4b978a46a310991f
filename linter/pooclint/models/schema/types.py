"""Classes of a library: what their instances hold, and how they give it back."""

from typing import Literal

import msgspec

from pooclint.models.schema.release import ReleaseText
from pooclint.models.schema.table import Requires, Table

Kind = Literal[
    "connection",  # one connection to a server or file
    "session",  # an ORM session: checks a connection out when it is used
    "pool",  # hands out connections
    "engine",  # owns a pool and opens connections on demand
    "client",  # owns a pool inside (HTTP, Redis, Mongo, SDK)
    "response",  # keeps a connection of its client until it is read or closed
    "subscription",  # keeps a connection of its client until it is closed (PubSub)
    "transaction",  # a unit of work on a connection
    "cursor",  # a handle derived from a connection; its parent is what must be released
    "factory",  # makes sessions or connections when called; holds nothing itself
    "stack",  # collects releases (ExitStack)
    "app",  # an application or router object of a framework
    "value",  # holds nothing: named only so that attributes and calls on it can be resolved
]
Form = Literal["none", "sync", "async", "both"]
Exit = Literal["releases", "keeps-open"]
Reclaimed = Literal[
    "never",  # a pool slot or a transport that the loop holds: nothing gives it back
    "arrived",  # given back by itself once all of it has arrived: what is small and quick soon, what is large never
    "late",  # the cycle collector, at an unknown time
    "refcount",  # CPython closes it as soon as the last name is gone
    "harmless",  # nothing is held, or nothing that anybody misses: forgetting one is no leak
]
Loop = Literal[
    "",  # no event loop is involved, or any will do
    "binds",  # works with the loop that first used it, fails with the next
    "needs",  # cannot even be built where no loop runs
]


class Type(Table, frozen=True, kw_only=True, eq=False):
    """A class of the library, as far as its instances hold something or lead to something that does."""

    name: str
    """The qualified name people use, by which other entries refer to it. A part after `~` tells a state of a class
    apart (`Connection~pooled`)."""
    aliases: tuple[str, ...] = ()
    """Other qualified names of the same class."""
    bases: tuple[str, ...] = ()
    """Modelled types whose calls, attributes and external calls it inherits."""
    kind: Kind
    """What an instance is: `connection`, `session` (takes a connection when used), `pool`, `engine` (owns a pool),
    `client` (owns one inside), `response` and `subscription` (keep a connection of their client), `transaction`,
    `cursor` (its parent is what must be released), `factory` (makes others, holds nothing), `stack` (collects
    releases), `app` (of a framework), `value` (holds nothing, leads to others)."""
    with_form: Form = msgspec.field(default="none", name="with")
    """Which `with` an *instance* accepts."""
    exit: Exit = "releases"
    """What the end of that `with` does: `releases`, or `keeps-open` (it ends a transaction and closes nothing)."""
    enter: str = ""
    """Type of the `as` target; empty: the instance itself."""
    release: tuple[ReleaseText, ...] = ()
    """Every way to release an instance, in release notation, the preferred one first."""
    reclaimed: Reclaimed = "late"
    """What happens to a forgotten instance: `never` (nothing gives it back), `arrived` (given back once all of it
    has arrived, read or not), `late` (the cycle collector, some day),
    `refcount` (closed with its last name), `harmless` (holds nothing)."""
    crowded: bool = True
    """False of a connection to what takes practically any number of them (a mail server, a database in the process):
    one that an exception loses, and the reference count closes, nobody has missed."""
    pooled: bool = False
    """True when an instance occupies a slot that other callers wait for."""
    lazy: bool = False
    """True when an instance holds no connection until a method in `checks-out` is called."""
    reopens: bool = False
    """True of a lazy one that may be used again after its release, and then takes another connection."""
    checks_out: tuple[str, ...] = ()
    """Methods by which a lazy instance takes a connection (`execute`, `flush` ...). `*` is every method but those in
    `checks-in` and `cannot-raise`."""
    checks_in: tuple[str, ...] = ()
    """Methods after which the instance holds no connection although it is not released (`commit`, `rollback`)."""
    idle_between: bool = False
    """True of a lazy one that has no connection between its statements, once what they gave has been read: who has used
    it, nobody knows how, has left it without one."""
    deferred: bool = False
    """True when an instance is made of a lazy one and sends nothing, so that that one takes a connection only when the
    instance is read, handed to somebody, or a method is called on it that is not in `cannot-raise` (a query that is
    built step by step)."""
    undone: tuple[str, ...] = ()
    """Methods that close what is open when they fail (`connect`, the `open` of a pool): nothing is left to release
    then."""
    cannot_raise: tuple[str, ...] = ()
    """Methods that do not fail in practice (`cursor()` of a live connection)."""
    local: tuple[str, ...] = ()
    """Methods that ask nobody: an instance of which nothing else is called has no connection."""
    reads_to_end: tuple[str, ...] = ()
    """Attributes whose reading takes all that is left, and so gives the connection back (`Response.content`)."""
    ends: tuple[str, ...] = ()
    """Methods that read all that is left, after which the lazy instance that it was made of holds no connection
    (`Result.single` of a session without a transaction); so does reading it in a loop."""
    attributes: dict[str, str] = {}
    """Attribute name to modelled type (`AsyncSession.bind`); empty for a plain value, with which nothing is done on the
    instance (`engine.name`), and which is none of what the model says others are (`__getattr__`)."""
    loop: Loop = ""
    """How an instance depends on the event loop (`binds`: built at import, it fails under a second `asyncio.run`)."""
    forks: bool = True
    """False when an instance that was built before a fork fails in the child: its threads are gone, or both processes
    talk over one socket."""
    pool: str = ""
    """Of a connection: what the library has to share connections by (`asyncpg.create_pool`). Empty: nothing."""
    rebuilding: Literal["connections", "time"] = "connections"
    """What it costs to build one again and again: `connections` that nobody reuses, or little more than `time`."""
    once: tuple[str, ...] = ()
    """Release methods that must not be called a second time: they raise, or give a slot away that somebody else has."""
    uses: tuple[str, ...] = ()
    """Methods that fail, or work on what somebody else has by now, after the instance (for a cursor: its connection)
    was released. `*` is every method but those in `cannot-raise`. Empty: it may be used again."""
    usable_after: tuple[str, ...] = ()
    """Release methods after which the instance works on: it has left its pool (`detach`), or connects anew."""
    statements: tuple[str, ...] = ()
    """Methods that send SQL, the text being their first argument, and so begin a transaction."""
    statistics: tuple[str, ...] = ()
    """Attributes and methods that tell how much of a pool is in use; reading one is watching it."""
    postgresql: tuple[str, ...] = ()
    """Methods that send SQL to what may be a PostgreSQL server, the text being their first argument, whether or not
    they begin a transaction."""
    commits: tuple[str, ...] = ()
    """Methods that commit it."""
    rolls_back: tuple[str, ...] = ()
    """Methods that roll it back."""
    autocommits: tuple[str, ...] = ()
    """Methods and attributes that may switch autocommit on."""
    discards: bool = False
    """True when a release, or the end of its `with`, discards what was written and not committed."""
    reads_begin: bool = True
    """False when only a statement that writes begins a transaction."""
    stays_open: bool = False
    """True when its release leaves a transaction open that has only read: the next owner reads what it saw."""
    concurrent: Literal["", "raises", "either", "mixes"] = ""
    """What becomes of two tasks or threads that use one instance at the same time: `raises`, or `mixes` (each sees and
    commits the other's work, or reads its answers), or the one until it has a connection and the other afterwards
    (`either`). Empty: they take turns, or nobody has looked."""
    ambient: str = ""
    """Type of the session that everybody in a thread or context shares without acquiring it, and on which calls on an
    instance work: a registry's own (`scoped_session`), or another's (a model class's `query`)."""
    per_thread: bool = False
    """True of what is `ambient` when each thread has one of its own, which stays open when the thread ends, until the
    garbage collector runs, unless the thread releases it."""
    ended_by: tuple[str, ...] = ()
    """What ends a thread's own without a call on it: qualified names (`django.db.close_old_connections`), and names of
    methods of any object (`app_context`)."""
    runs: str = ""
    """The method that a thread of a subclass runs (`run`)."""
    reentrant: bool = False
    """True when a task or thread that holds one and takes another of the same pool gets the very same connection."""
    streams: bool = False
    """True for a response whose body is sent piece by piece, for as long as its reader takes."""
    processes: bool = False
    """True for what runs code in other processes, with which no object can be shared."""
    groups: bool = False
    """True for a group of tasks: entering it does not fail, and leaving it raises what failed as an exception group."""
    requires: Requires = ""
    """The versions it holds for, as a version specifier (`>=8.0`, `<8,>=7`), of the file's library or of the package
    named before it (`starlette>=1.0`). Empty: all. Where the project does not say, the newest."""

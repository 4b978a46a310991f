"""Library and framework models: what is known about the outside world, as data.

A model is a TOML file (``rules/pooclint_rules/libraries/*.toml``, ``rules/pooclint_rules/frameworks/*.toml`` or a
user's own); the analysis itself names no library. The types below *are* the schema: msgspec validates every file
against them, and an unknown key or a wrong value is reported with file, key and reason.

Notation of a release: ``$`` is the resource, ``@`` the object it was acquired from, a leading ``await`` says that the
release is a coroutine: ``"$.close()"``, ``"await @.release($)"``, ``"app.db.checkin($)"``.
"""

# Annotations are evaluated here, not put off: msgspec would have to evaluate each of them from its text at every start.
import re
from typing import Annotated, Any, Literal

import msgspec

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
Category = Literal[
    "http", "llm", "queue", "cloud", "mail", "cache", "search", "database", "subprocess", "file-transfer", "rpc",
    "websocket", "sleep", "wait", "other",
]  # fmt: skip
# The code says more about a mistake than a pattern can; the pattern is for editors.
Requires = Annotated[str, msgspec.Meta(extra_json_schema={"examples": [">=8.0", "<8,>=7", "starlette>=1.0"]})]
ReleaseText = Annotated[
    str,
    msgspec.Meta(
        extra_json_schema={
            "pattern": r"^(await )?(\$\.\w+\(\)|@\.\w+\(\$\)|[\w.]+\(\$\))$",
            "examples": ["$.close()", "await $.aclose()", "@.putconn($)", "app.db.checkin($)"],
        }
    ),
]
Argument = int | str  # a position, or the name of a keyword argument; "*" is any


class _Model(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="kebab", kw_only=True, omit_defaults=True, gc=False
):
    pass


class Library(_Model, frozen=True, kw_only=True):
    """The library a file describes."""

    name: str
    """What people call it."""
    version: str = ""
    """The version the facts were verified on."""
    package: str = ""
    """The distribution's name on the package index, where it differs from `name`."""
    imports: tuple[str, ...] = ()
    """Top-level import names; they feed the byte prefilter. Empty: the file alone never makes a source file
    relevant."""
    errors: tuple[str, ...] = ()
    """Exception classes that between them catch every failure of the library's operations (`sqlite3.Error`)."""
    distinctive: tuple[str, ...] = ()
    """Acquiring methods whose name alone says what they are, on a receiver of unknown type (`raw_connection`): a guess,
    of medium confidence."""
    server: str = ""
    """The kind of database server that its connections lead to (`postgresql`, `mysql`), where it is always the same."""
    cancellations: tuple[str, ...] = ()
    """Exception classes, or functions that give them, by which a task is cancelled."""
    note: str = ""
    """The traps, in a few sentences: what surprises those who have not read the library's source."""


class Type(_Model, frozen=True, kw_only=True, eq=False):
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
    pooled: bool = False
    """True when an instance occupies a slot that other callers wait for."""
    lazy: bool = False
    """True when an instance holds no connection until a method in `checks-out` is called."""
    checks_out: tuple[str, ...] = ()
    """Methods by which a lazy instance takes a connection (`execute`, `flush` ...). `*` is every method but those in
    `checks-in` and `cannot-raise`."""
    checks_in: tuple[str, ...] = ()
    """Methods after which the instance holds no connection although it is not released (`commit`, `rollback`)."""
    undone: tuple[str, ...] = ()
    """Those in `checks-out` that close what they have opened when they fail: nothing is left to release then."""
    cannot_raise: tuple[str, ...] = ()
    """Methods that do not fail in practice (`cursor()` of a live connection)."""
    reads_to_end: tuple[str, ...] = ()
    """Attributes whose reading takes all that is left, and so gives the connection back (`Response.content`)."""
    attributes: dict[str, str] = {}
    """Attribute name to modelled type (`AsyncSession.bind`)."""
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
    concurrent: Literal["", "raises", "mixes"] = ""
    """What becomes of two tasks or threads that use one instance at the same time: `raises`, or `mixes` (each sees and
    commits the other's work, or reads its answers). Empty: they take turns, or nobody has looked."""
    ambient: str = ""
    """Type of the session that everybody in a thread or context shares without acquiring it, and on which calls on an
    instance work: a registry's own (`scoped_session`), or another's (a model class's `query`)."""
    reentrant: bool = False
    """True when a task or thread that holds one and takes another of the same pool gets the very same connection."""
    streams: bool = False
    """True for a response whose body is sent piece by piece, for as long as its reader takes."""
    groups: bool = False
    """True for a group of tasks: entering it does not fail, and leaving it raises what failed as an exception group."""
    derives: bool = True
    """True when what its methods return (cursors, rows) counts as derived from the instance: a failure of those is a
    failure of the resource."""
    requires: Requires = ""
    """The versions it holds for, as a version specifier (`>=8.0`, `<8,>=7`), of the file's library or of the package
    named before it (`starlette>=1.0`). Empty: all. Where the project does not say, the newest."""


class Parameter(_Model, frozen=True, kw_only=True):
    """A parameter that carries a size or a time."""

    param: str
    """Its name."""
    position: int = -1
    """Its place among the positional arguments; -1: nobody passes it so."""
    default: int | float | str | bool | None = None
    """The library's default. `None`: no limit, unless `required`."""
    required: bool = False
    """True when there is no default."""
    unbounded: tuple[int | float | str | None, ...] = ()
    """Literal values that mean "no limit"; `"None"` is Python's None."""
    refused: tuple[int | float, ...] = ()
    """Literal values with which the call raises, or with which nobody ever gets a connection."""
    highest: int | None = None
    """The call raises for anything above. `None`: the library sets no bound of its own."""
    unit: str = ""
    """`s` or `ms`, for a time."""
    url: str = ""
    """The key of the connection URL's query that sets the same (`redis://host?max_connections=5`)."""
    url_wins: bool = True
    """True when the URL's value goes before the argument's, should both be given."""

    def means_no_limit(self, value: object) -> bool:
        """True for a value that removes the limit."""
        if value is None:
            return "None" in self.unbounded or None in self.unbounded
        return any(value == u and not isinstance(value, bool) for u in self.unbounded)


class Size(_Model, frozen=True, kw_only=True):
    """How a constructor sizes its pool."""

    max: Parameter | None = None
    """The most connections it opens, `overflow` left aside."""
    min: Parameter | None = None
    """Those it opens at once, or keeps."""
    overflow: Parameter | None = None
    """Those it opens beyond `max` under load."""
    limit: Literal["database", "other"] = "database"
    """`database`: the server spends a process or thread per connection, `max-pool-size` applies. `other`: only the
    absurd and the unbounded are reported."""
    cap: bool = True
    """False when the figure is not a ceiling (extra connections are opened and thrown away)."""
    keeps: Literal["max", "min"] = "max"
    """Up to which figure connections stay open when they come back. `min`: those beyond the minimum are closed, however
    soon the next caller wants one."""


class Prepares(_Model, frozen=True, kw_only=True):
    """How the connections that a call opens, or lets a pool open, prepare statements at the server by themselves. Such
    a statement is gone when the next transaction meets another connection of the server."""

    schemes: tuple[str, ...] = ()
    """The schemes of the URLs for which it holds (`postgresql+asyncpg`); empty: whatever the URL."""
    inside: str = ""
    """The argument whose dictionary holds the keywords for the driver (`connect_args`); empty: they are the call's
    own."""
    off: dict[str, tuple[Any, ...]]
    """Keywords, all of which must have one of their literals for nothing to be prepared (`"None"` is Python's None)."""
    mistaken: dict[str, tuple[Any, ...]] = {}
    """Keywords with the literals that look like a remedy, and are none."""
    decided_by: tuple[Argument, ...] = ()
    """Given one of these arguments, other code decides (`creator=`, `configure=`)."""
    remedy: str
    """How to switch it off, as code."""


class Call(_Model, frozen=True, kw_only=True, eq=False):
    """A function or method and what calling it means. Every key but the name is optional; what is not said is not
    so."""

    names: tuple[str, ...] = ()
    """Qualified names of functions or classes."""
    on: tuple[str, ...] = ()
    """Types whose `methods` these are (inherited by their subtypes)."""
    methods: tuple[str, ...] = ()
    """Method names; `__call__` is calling an instance."""
    works_on: str = ""
    """The type of the session that nobody acquires on which the call works (`ambient` of types)."""
    returns: str = ""
    """Type of the value (after `await` where `awaited` is `must` or `may`)."""
    element: int = -1
    """The value is a tuple and this element of it is the resource (`reader, writer = await open_connection()`)."""
    acquires: bool = False
    """True when the value must be released by whoever made the call."""
    at: Literal["call", "await", "enter"] = "call"
    """When it is acquired: by the call itself, only when awaited, or only when entered by a `with` statement."""
    awaited: Literal["no", "must", "may"] = "no"
    """`must`: a plain coroutine. `may`: awaitable and also usable in `with`. `no`: not awaitable."""
    with_form: Form | None = msgspec.field(default=None, name="with")
    """Which `with` the *un-awaited* value accepts; default: that of the type when not `awaited`, else `none`."""
    enter: str = ""
    """Type of the `as` target of such a `with`; default: `returns`."""
    exit: Exit | None = None
    """What the end of such a `with` does; default: that of the type, `releases` where the type has no `with`."""
    release: tuple[ReleaseText, ...] | None = None
    """Overrides the type's ways of release."""
    reclaimed: Reclaimed | None = None
    """Overrides the type's."""
    pooled: bool | None = None
    """Overrides the type's."""
    only_if: dict[str, Any] = {}
    """It acquires only when these keyword arguments have these literal values (`stream = true`)."""
    when: dict[str, tuple[str, ...]] = {}
    """This entry holds only when one of these keyword arguments is one of these qualified names, or a subclass (a
    factory that is told what to make)."""
    unless: dict[str, tuple[str, ...]] = {}
    """It acquires nothing when one of these keyword arguments is one of these qualified names (a pool that keeps
    nothing)."""
    owned_by: tuple[Argument, ...] = ()
    """Arguments the result owns: releasing, storing or returning the result does the same to them (`closing`)."""
    through: str = ""
    """The method by which it releases what it owns (`close` for `closing`); empty: whatever releases that."""
    keeps: tuple[Argument, ...] = ()
    """Arguments that the callee takes over for good (`atexit.register`, `list.append`)."""
    enters: tuple[Argument, ...] = ()
    """Arguments whose release is registered with the receiver (`ExitStack.enter_context`): the receiver owns them.
    The value is what entering the argument gives."""
    releases: tuple[Argument, ...] = ()
    """Arguments that the call releases."""
    borrows: bool = False
    """True when the callee only uses its arguments (`pandas.read_sql`), so that ownership stays where it was."""
    gives: tuple[Argument, ...] = ()
    """Arguments of which the value is one itself (`typing.cast`): the call does nothing else."""
    typed_by: tuple[Argument, ...] = ()
    """Arguments that name the type of the value, as an annotation would (`cast(Pool, value)`)."""
    derived_from: tuple[Argument, ...] = ()
    """Arguments that the result works on, as a cursor does on its connection (`kombu.Producer(connection)`): ownership
    stays where it was, and what the result does is done on them."""
    passes: tuple[Argument, ...] = ()
    """Awaiting the result awaits these arguments (`gather`, `wait_for`): the value is that of the first."""
    repeats: bool = False
    """True when it calls what it is given once for each of further arguments, all at the same time (`Executor.map`)."""
    after_response: bool = False
    """True when what it is given to call runs once the response has been sent (`BackgroundTasks.add_task`)."""
    collects: bool = False
    """True when what it awaits may fail without failing it: exceptions are among its results."""
    shields: bool = False
    """True when what it awaits goes on after the waiting was cancelled: the result is then lost (`shield`)."""
    moves: bool = False
    """True when the value, of the receiver's type, takes over what the receiver owns (`ExitStack.pop_all`)."""
    kept: bool = False
    """True when the receiver keeps what it acquires, until it is told to release it (a registry of sessions)."""
    iterates: tuple[Argument, ...] = ()
    """The callee reads these to their end: that fails when what they read from fails (`list(cursor)`)."""
    calls: tuple[Argument, ...] = ()
    """The callee calls these arguments (`to_thread`, `run_in_executor`)."""
    raises: Literal["any", "never", "always", "exits"] = "any"
    """`never`: not counted as a point of failure. `always`: does not return. `exits`: ends the process."""
    swallows: Literal["", "arguments", "everything", "cancellation"] = ""
    """As a context manager it suppresses: the exception types in its arguments, everything, or a cancellation."""
    size: Size | None = None
    """How it sizes its pool."""
    timeouts: dict[str, Parameter] = {}
    """`acquire` (for a free connection), `connect`, `query`, `idle`, `lifetime`, `external` (for a reply), `deadline`
    (for whatever the call wraps) to the parameter that sets it."""
    waits_forever: bool = False
    """True when it waits for a free connection as long as that takes, and no argument limits it."""
    serverless: bool = False
    """True when it makes the program a function of such a platform (`Mangum(app)`)."""
    limits_callers: bool = False
    """True when what it makes lets only so many callers through at a time (a semaphore)."""
    tests_alive: dict[str, tuple[Any, ...]] = {}
    """Keyword arguments by which a pool tests a connection before it hands it out, with the literals that switch it on;
    none: whatever is given."""
    server_settings: tuple[str, ...] = ()
    """Where settings of the server are given: a keyword, or the keys to an entry, dots in between
    (`connect_args.options`). It is a dictionary of them, or libpq's `-c name=value`."""
    prepares: tuple[Prepares, ...] = ()
    """How its connections prepare statements by themselves, for each driver that it may use."""
    session_state: str = ""
    """The state of the server's session that it sets up: the name of a `[[session-state]]` (`LISTEN`)."""
    autocommit: dict[str, tuple[Any, ...]] = {}
    """Keyword arguments that switch autocommit on, with the literals that do (`autocommit = [true]`; `"None"` is
    Python's None). Those of a pool hold for its connections."""
    close_returns: dict[str, Any] = {}
    """Given this keyword argument, a pool takes its connections back when they are closed (`close-returns = true`)."""
    shares: tuple[Argument, ...] = ()
    """Given one of these arguments, the client uses a pool that somebody else owns (`connector=`,
    `connection_pool=`)."""
    requires: Requires = ""
    """The versions it holds for, as a version specifier (`>=8.0`, `<8,>=7`), of the file's library or of the package
    named before it (`starlette>=1.0`). Empty: all. Where the project does not say, the newest."""
    raises_when_empty: bool = False
    """True when it raises at once where the pool has no connection left, instead of waiting for one."""
    self_contained: bool = False
    """True when it takes a connection from the receiver and gives it back before it returns (`Pool.fetch`): nothing to
    release, but a second connection for a caller that holds one."""
    implicit: str = ""
    """Type of the client or connection that this call builds and drops (`requests.get`)."""
    new_loop: bool = False
    """True when it runs its first argument in an event loop that is made for it (`asyncio.run`)."""
    forks_given: dict[str, Any] = {}
    """Given these keyword arguments, nothing is opened yet, and what it builds may be used after a fork
    (`connect = false`)."""
    note: str = ""
    """Whatever else a reader should know."""


class External(_Model, frozen=True, kw_only=True, eq=False):
    """Calls that leave the process and take as long as somebody else decides."""

    names: tuple[str, ...] = ()
    """Qualified names of functions."""
    on: tuple[str, ...] = ()
    """Types whose `methods` these are."""
    methods: tuple[str, ...] = ()
    """Method names; `*` is every public method."""
    io: Literal["await", "blocking"]
    """`await`: a coroutine, waited for at its `await`. `blocking`: the call itself waits."""
    category: Category
    """What is waited for; reports name it."""
    unless: dict[str, Any] = {}
    """It does not wait where one of these arguments, by keyword or position, has this literal value (`block = false`,
    `"0" = false`)."""
    bounded_by: tuple[Argument, ...] = ()
    """It waits only on what was made with one of these arguments, other than 0 (`Queue(maxsize=5)`): a queue without a
    limit takes whatever it is given."""
    fast: bool = False
    """True for calls that usually take a millisecond or less (a cache in the same network): reported at lower
    severity."""
    timeout: str = ""
    """The keyword by which the caller limits it, in seconds."""
    requires: Requires = ""
    """The versions it holds for, as a version specifier (`>=8.0`, `<8,>=7`), of the file's library or of the package
    named before it (`starlette>=1.0`). Empty: all. Where the project does not say, the newest."""


class Scope(_Model, frozen=True, kw_only=True):
    """Where a framework calls the user's function, and how often."""

    framework: str
    """Its name; reports use it."""
    scope: Literal["request", "event", "task", "tool", "app"]
    """`app` runs once per process (startup, lifespan); the others run again and again."""
    decorators: tuple[str, ...] = ()
    """Qualified names of decorators (called or not)."""
    on: tuple[str, ...] = ()
    """Types whose `methods` decorate a handler (`@app.get(...)`) or take one as an argument (`callable-argument`)."""
    methods: tuple[str, ...] = ()
    """Method names of `on` or of `bases`."""
    callable_argument: Argument | None = None
    """The handler is this argument of the call instead of the decorated function."""
    bases: tuple[str, ...] = ()
    """Base classes whose `methods` are handlers."""
    parameters: dict[str, str] = {}
    """Annotation types of handlers that carry no decorator: position or name to qualified type (Django views: `{0 =
    ...}`)."""
    function_names: tuple[str, ...] = ()
    """Names of module-level functions that are handlers by convention (`lambda_handler`); needs `parameter-names`."""
    parameter_names: tuple[str, ...] = ()
    """Their leading parameter names (`event`, `context`)."""
    instance: Literal["process", "request"] = "process"
    """How long an object of a class in `bases` lives: one for the process, or a new one for each request."""
    forked: bool = False
    """True when the functions run in children that were forked after the import of their module; an object of a class
    in `bases` is then built before the fork."""
    serverless: bool = False
    """True when the platform starts as many instances of the program as there are events at a time."""
    requires: Requires = ""
    """The versions it holds for, as a version specifier (`>=8.0`, `<8,>=7`), of the file's library or of the package
    named before it (`starlette>=1.0`). Empty: all. Where the project does not say, the newest."""


class Dependency(_Model, frozen=True, kw_only=True):
    """A call by which a framework injects what a provider function returns or yields."""

    framework: str
    """Its name."""
    names: tuple[str, ...]
    """Qualified names of the call (`fastapi.Depends`)."""
    provider: Argument = 0
    """Which argument of the call is the provider."""
    requires: Requires = ""
    """The versions it holds for, as a version specifier (`>=8.0`, `<8,>=7`), of the file's library or of the package
    named before it (`starlette>=1.0`). Empty: all. Where the project does not say, the newest."""
    after_response: bool = False
    """True when the code after the provider's `yield` runs only once the whole response has been sent."""
    ends_early: dict[str, Any] = {}
    """Given this keyword argument, it runs before that (`scope = "function"`)."""


class Teardown(_Model, frozen=True, kw_only=True):
    """Yielding functions that a framework resumes whatever happened: fixtures and the like."""

    framework: str
    """Its name."""
    decorators: tuple[str, ...]
    """Qualified names of what marks such a function."""
    always_resumed: bool = True
    """True when the code after `yield` also runs after a failure (pytest fixtures)."""
    requires: Requires = ""
    """The versions it holds for, as a version specifier (`>=8.0`, `<8,>=7`), of the file's library or of the package
    named before it (`starlette>=1.0`). Empty: all. Where the project does not say, the newest."""


class RequestHold(_Model, frozen=True, kw_only=True):
    """A setting under which a request keeps something from its first query on, whatever its handler calls meanwhile."""

    frameworks: tuple[str, ...]
    """Whose handlers do (`framework` of scopes)."""
    setting: str
    """The setting, a mapping with an entry for each database (`DATABASES`)."""
    path: tuple[str, ...]
    """The keys in such an entry that lead to what turns it on (`ATOMIC_REQUESTS`): `True`, or a mapping."""
    programs: tuple[str, ...] = ()
    """Modules at the top of a project which name the module of its settings (`manage`)."""
    named_by: str = ""
    """The word before that name there (`DJANGO_SETTINGS_MODULE`)."""
    ambient: str
    """The type of the session that queries work on (`ambient` of types)."""
    type: str
    """The type of what is kept: a transaction, or a pooled connection."""
    exempt: tuple[str, ...] = ()
    """Decorators of handlers that do not keep it."""
    outside: tuple[str, ...] = ()
    """Base classes of handlers that run before it is begun, or after its end."""
    requires: Requires = ""
    """The versions it holds for, as a version specifier (`>=8.0`, `<8,>=7`), of the file's library or of the package
    named before it (`starlette>=1.0`). Empty: all. Where the project does not say, the newest."""


class Setting(_Model, frozen=True, kw_only=True):
    """A call that reads a figure from outside the program, or that declares a field with a default."""

    names: tuple[str, ...]
    """Qualified names of functions, and of methods by their class (`environs.Env.int`; `__call__` is calling an
    instance). That of a mapping stands for its subscripts (`os.environ`)."""
    what: str
    """What is read, in words: `environment variable`."""
    key: Argument | None = None
    """The argument that names it; without one, the call declares a default."""
    default: tuple[Argument, ...] = ()
    """The arguments that may be its default: the first that is given."""
    cast: Argument | None = None
    """The argument that converts it (`cast=int`)."""
    prefix: str = ""
    """Of a base class whose fields are read from variables of the same name: the keyword, or the attribute of an inner
    class, by which a subclass says what these names begin with (`env_prefix`)."""


class PoolSetting(_Model, frozen=True, kw_only=True):
    """A setting of which a framework makes a pool, so that no call in the program shows its size."""

    names: tuple[str, ...]
    """Names of the setting: a variable of a settings module, an attribute of a settings class, a key of a configuration
    (`SQLALCHEMY_ENGINE_OPTIONS`)."""
    each: bool = False
    """True when it is a mapping with an entry for each database (`DATABASES`)."""
    path: tuple[str, ...] = ()
    """Keys that lead to the mapping with the parameters (`OPTIONS`, `pool`). `True` there stands for the defaults."""
    flat: bool = False
    """True when the parameters are settings of their own, beside this one."""
    size: Size
    """How it sizes the pool."""
    without: Literal["nothing", "thread"] = "nothing"
    """What is opened where the path leads nowhere. `thread`: one connection for each thread."""
    engine: str = ""
    """The key whose text says to what kind of server the connections lead."""
    engines: dict[str, str] = {}
    """Texts of that key to kinds of servers (`postgresql`, `mysql`)."""
    url: str = ""
    """The setting beside this one that holds the database's URL."""
    made_by: tuple[str, ...] = ()
    """Qualified names of calls that make the pool; where the setting is not there, with the defaults."""
    keyword: str = ""
    """The argument of such a call that takes the same mapping."""
    requires: Requires = ""
    """The versions it holds for, as a version specifier (`>=8.0`, `<8,>=7`), of the file's library or of the package
    named before it (`starlette>=1.0`). Empty: all. Where the project does not say, the newest."""


class Instrumentation(_Model, frozen=True, kw_only=True):
    """What reports on pools by itself, or is there to report what the program measures."""

    imports: tuple[str, ...]
    """Modules by whose import one knows it."""


class ServerSetting(_Model, frozen=True, kw_only=True):
    """A setting of a database server that limits a time."""

    name: str
    """Its name (`statement_timeout`)."""
    limits: Literal["query"]
    """What it limits, as in `timeouts`."""
    unit: Literal["s", "ms"]
    """Of a number without one."""


class SessionState(_Model, frozen=True, kw_only=True):
    """Statements that leave something behind in the server's session, where the next statement may not find it: a
    pooler in transaction mode gives each transaction whatever connection is free. Words are compared without regard to
    case, comments and layout."""

    name: str
    """What to call it; `session-state` of a call refers to it."""
    begins: tuple[str, ...] = ()
    """The words that such a statement begins with."""
    functions: tuple[str, ...] = ()
    """Functions whose call does it, wherever it stands in the statement."""
    last_argument: tuple[str, ...] = ()
    """And whose last argument is one of these words."""
    contains: tuple[str, ...] = ()
    """And which contains one of these sequences of words (`WITH HOLD`)."""
    unless: tuple[str, ...] = ()
    """Not where it contains one of these (`ON COMMIT DROP`)."""
    unless_begins: tuple[str, ...] = ()
    """Not where it begins with these words (`SET LOCAL`)."""
    lost: str
    """What becomes of it, as the second half of a sentence."""
    instead: str
    """What to do instead."""


class ModelFile(_Model, frozen=True, kw_only=True):
    """One TOML file."""

    library: Library
    """What the file describes."""
    type: tuple[Type, ...] = ()
    """Its classes."""
    call: tuple[Call, ...] = ()
    """Its functions and methods."""
    external: tuple[External, ...] = ()
    """Calls that leave the process."""
    scope: tuple[Scope, ...] = ()
    """Where a framework calls the user's functions."""
    dependency: tuple[Dependency, ...] = ()
    """How a framework injects what a provider gives."""
    teardown: tuple[Teardown, ...] = ()
    """Yielding functions that a framework resumes."""
    request_hold: tuple[RequestHold, ...] = ()
    """Settings under which requests keep something."""
    setting: tuple[Setting, ...] = ()
    """Calls that read a figure from outside the program."""
    pool_setting: tuple[PoolSetting, ...] = ()
    """Settings of which a framework makes a pool."""
    instrumentation: tuple[Instrumentation, ...] = ()
    """What reports on pools."""
    server_setting: tuple[ServerSetting, ...] = ()
    """Settings of a server that limit a time."""
    session_state: tuple[SessionState, ...] = ()
    """Statements that leave something behind in the server's session."""
    closed_tests: dict[str, bool] = {}
    """Attributes or methods that tell whether a resource is closed, and the value that says it is (`closed = true`)."""
    request_locals: tuple[str, ...] = ()
    """Global names, and types, that stand for the current request: what is stored on them ends with it (`flask.g`)."""
    quiet_methods: tuple[str, ...] = ()
    """Method names that are not counted as points of failure on a value of unknown type (`append`, `info`)."""


class Release(msgspec.Struct, frozen=True):
    """One parsed way to release a resource."""

    target: Literal["self", "owner", "function"]
    name: str
    """The method's name, or the function's qualified name."""
    awaited: bool

    def __str__(self) -> str:
        owner = {"self": "$.", "owner": "@.", "function": ""}[self.target]
        argument = "" if self.target == "self" else "$"
        return f"{'await ' if self.awaited else ''}{owner}{self.name}({argument})"


_RELEASE = re.compile(r"(await )?(?:(\$|@)\.(\w+)\((\$)?\)|([\w.]+)\(\$\))")


def parse_release(text: str) -> Release:
    """Parse release notation.

    Raises:
        ValueError: the text is not in the notation.
    """
    match = _RELEASE.fullmatch(text.strip())
    if match is None or (match[2] == "@" and not match[4]) or (match[2] == "$" and match[4]):
        raise ValueError(f'{text!r} is not a release: write "$.close()", "await @.release($)" or "package.function($)"')
    awaited = bool(match[1])
    if match[5]:
        return Release("function", match[5], awaited)
    return Release("self" if match[2] == "$" else "owner", match[3], awaited)


class Acquisition(msgspec.Struct, frozen=True, eq=False):
    """What one acquiring call gives: its model's facts, with the type's where the call says nothing."""

    type: str
    kind: Kind
    library: str
    releases: tuple[Release, ...]
    reclaimed: Reclaimed
    pooled: bool
    lazy: bool
    entered_unawaited: bool = False
    """True when the un-awaited call is itself the context manager that releases."""
    closes: frozenset[str] = frozenset()
    """Methods that release an instance which came from elsewhere, and not one that this call gave: they close it and
    keep its slot taken."""
    acquired_from: str = ""
    """Type of the pool or engine that the call is a method of."""
    raises_when_empty: bool = False
    """True when the call raises at once where the pool has no connection left."""

    @property
    def released_by_awaiting(self) -> bool:
        """True when the way to release it is a coroutine, which no garbage collector awaits."""
        return any(r.awaited for r in self.releases[:1])

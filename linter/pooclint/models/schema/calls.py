"""Functions and methods: what calling them acquires, releases, passes on and waits for."""

from typing import Any, Literal

import msgspec

from pooclint.models.schema.figures import Idle, Parameter, Size
from pooclint.models.schema.release import ReleaseText
from pooclint.models.schema.server import Prepares
from pooclint.models.schema.table import Argument, Requires, Table
from pooclint.models.schema.types import Exit, Form, Reclaimed

Category = Literal[
    "http", "llm", "queue", "cloud", "mail", "cache", "search", "database", "subprocess", "file-transfer", "rpc",
    "websocket", "sleep", "wait", "other",
]  # fmt: skip


class Call(Table, frozen=True, kw_only=True, eq=False):
    """A function or method and what calling it means. Every key but the name is optional; what is not said is not
    so."""

    names: tuple[str, ...] = ()
    """Qualified names of functions or classes."""
    on: tuple[str, ...] = ()
    """Types whose `methods` these are (inherited by their subtypes)."""
    methods: tuple[str, ...] = ()
    """Method names; `__call__` is calling an instance, `__getitem__` a subscript of it, and `__getattr__` reading an
    attribute that is none of its own (`client.shop`)."""
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
    """This entry holds only when these arguments have these literal values, by keyword (`stream = true`) or by position
    (`0 = ":memory:"`)."""
    alone: bool = False
    """True when this entry holds only where the call has no argument but those of `only-if`."""
    given: tuple[Argument, ...] = ()
    """This entry holds only when one of these arguments is given: `smtplib.SMTP(host)` connects, `smtplib.SMTP()` does
    not."""
    when: dict[str, tuple[str, ...]] = {}
    """This entry holds only when one of these keyword arguments is one of these qualified names, or a subclass (a
    factory that is told what to make)."""
    unless: dict[str, tuple[str, ...]] = {}
    """It acquires nothing when one of these keyword arguments is one of these qualified names (a pool that keeps
    nothing)."""
    takes_back: dict[str, str] = {}
    """Keyword arguments that may be a class of the project, with the method by which it takes back what it has handed
    out (`poolclass = "_do_return_conn"`). It acquires nothing where that method keeps nothing."""
    in_process: tuple[str, ...] = ()
    """Schemes of URLs whose database is part of the process, a file or its memory (`sqlite:///orders.db`): there is no
    server that could close a connection, and opening one costs little."""
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
    releases_given: bool = False
    """True when it releases what its receiver was given to work on (`shares`), although somebody else has made that
    (`aclose(close_connection_pool=True)`)."""
    borrows: bool = False
    """True when the callee only uses its arguments (`pandas.read_sql`), so that ownership stays where it was."""
    gives: tuple[Argument, ...] = ()
    """Arguments of which the value is one itself (`typing.cast`): the call does nothing else."""
    host_of: tuple[Argument, ...] = ()
    """Arguments of which the value, an address, has the host (`urllib.parse.urljoin`)."""
    asks_awaitable: tuple[Argument, ...] = ()
    """Arguments of which the value says whether they are awaitable (`inspect.isawaitable`), or what calling them gives
    (`inspect.iscoroutinefunction`)."""
    new_object: bool = False
    """True when it gives a new object that does nothing of itself (`SimpleNamespace(conn=conn)`, `copy.copy(x)`): what
    it is given by name, and what is put on its attributes, goes where it goes."""
    typed_by: tuple[Argument, ...] = ()
    """Arguments that name the type of the value, as an annotation would (`cast(Pool, value)`)."""
    derived_from: tuple[Argument, ...] = ()
    """Arguments that the result works on, as a cursor does on its connection (`kombu.Producer(connection)`): ownership
    stays where it was, and what the result does is done on them. Where the call acquires, who is given the result has
    them, too (the engine of a `scoped_session(maker)`)."""
    lent_to: tuple[Argument, ...] = ()
    """Arguments that are given what it acquires, too, and may release it (the protocol of a transport): that whoever
    made the call must is sure only where it does on some way."""
    needs_receiver: bool = False
    """True when what it gives works through the receiver for as long as it lives (the client of a Sentinel's master, a
    client's database): who is given the one has the other, too. Releasing it does not release the receiver; what an
    attribute of it leads back to (`attributes` of types) is the receiver itself."""
    passes: tuple[Argument, ...] = ()
    """Awaiting the result awaits these arguments (`gather`, `wait_for`): the value is that of the first."""
    repeats: bool = False
    """True when it calls what it is given once for each of further arguments, all at the same time (`Executor.map`)."""
    in_thread: bool = False
    """True when what it is given to call runs in a thread that ends with it, or with the receiver."""
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
    idle: dict[str, Idle] = {}
    """Keyword arguments that count for nothing where another is given (`limits` beside `transport`): what they say of
    sizes holds for nobody."""
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


class External(Table, frozen=True, kw_only=True, eq=False):
    """Calls that leave the process and take as long as somebody else decides."""

    names: tuple[str, ...] = ()
    """Qualified names of functions."""
    on: tuple[str, ...] = ()
    """Types whose `methods` these are."""
    methods: tuple[str, ...] = ()
    """Method names; `*` is every public method."""
    without: tuple[str, ...] = ()
    """Those that `*` does not mean: they answer by themselves (`generate_presigned_url`)."""
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
    unless_called: tuple[str, ...] = ()
    """Of `__await__`: there may be nothing to wait for where the function calls one of these methods (`cancel`)."""
    fast: bool = False
    """True for calls that usually take a millisecond or less (a cache in the same network): reported at lower
    severity."""
    timeout: str = ""
    """The keyword by which the caller limits it, in seconds."""
    to: tuple[Argument, ...] = ()
    """The argument that is the address it goes to (`url`), by keyword and by position."""
    requires: Requires = ""
    """The versions it holds for, as a version specifier (`>=8.0`, `<8,>=7`), of the file's library or of the package
    named before it (`starlette>=1.0`). Empty: all. Where the project does not say, the newest."""

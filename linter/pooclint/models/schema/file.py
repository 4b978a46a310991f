"""A model file as a whole."""

from pooclint.models.schema.calls import Call, External
from pooclint.models.schema.frameworks import Dependency, RequestHold, Scope, Teardown
from pooclint.models.schema.library import Instrumentation, Library
from pooclint.models.schema.server import ServerSetting, SessionState
from pooclint.models.schema.settings import PoolSetting, Setting
from pooclint.models.schema.table import Table
from pooclint.models.schema.types import Type


class ModelFile(Table, frozen=True, kw_only=True):
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
    changing: tuple[str, ...] = ()
    """Functions whose answers differ from call to call: clocks, random numbers, what is signed with either."""
    quiet_methods: tuple[str, ...] = ()
    """Method names that are not counted as points of failure on a value of unknown type (`append`, `info`)."""
    keeping_methods: tuple[str, ...] = ()
    """Beginnings of method names of which an unknown object may keep what it is given, and asks nobody with it yet
    (`set_`)."""

"""Frameworks: where they call the user's functions, what they inject, and what their requests keep."""

from typing import Any, Literal

from pooclint.models.schema.table import Argument, Requires, Table


class Scope(Table, frozen=True, kw_only=True):
    """Where a framework calls the user's function, and how often."""

    framework: str
    """Its name; reports use it."""
    scope: Literal["request", "event", "task", "tool", "app", "command"]
    """`app` runs once per process (startup, lifespan), and so does `command`, with which the process ends; the others
    run again and again."""
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
    startup: bool = True
    """False when nothing of the user's runs before, where clients could be built once for all runs: the framework makes
    the object out of a description, for this run alone."""
    forked: bool = False
    """True when the functions run in children that were forked after the import of their module; an object of a class
    in `bases` is then built before the fork."""
    serverless: bool = False
    """True when the platform starts as many instances of the program as there are events at a time."""
    requires: Requires = ""
    """The versions it holds for, as a version specifier (`>=8.0`, `<8,>=7`), of the file's library or of the package
    named before it (`starlette>=1.0`). Empty: all. Where the project does not say, the newest."""


class Dependency(Table, frozen=True, kw_only=True):
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
    runs_once: dict[str, Any] = {}
    """Given one of these arguments, by keyword or position, with this literal value, the provider runs once in the life
    of the application (`use_cache = true`, `"1" = true`)."""


class Teardown(Table, frozen=True, kw_only=True):
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


class RequestHold(Table, frozen=True, kw_only=True):
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

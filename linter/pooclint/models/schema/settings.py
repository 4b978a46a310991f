"""Settings: how a program reads them, and the pools that frameworks make of them."""

from typing import Literal

from pooclint.models.schema.figures import Size
from pooclint.models.schema.table import Argument, Requires, Table


class Setting(Table, frozen=True, kw_only=True):
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


class PoolSetting(Table, frozen=True, kw_only=True):
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

"""The library that a model file describes, and those that report on pools."""

from pooclint.models.schema.table import Table


class Library(Table, frozen=True, kw_only=True):
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
    """Methods that acquire or borrow and whose name alone says what they are, on a receiver of unknown type
    (`raw_connection`, `create_all`): an acquisition is then a guess, of medium confidence."""
    server: str = ""
    """The kind of database server that its connections lead to (`postgresql`, `mysql`), where it is always the same."""
    cancellations: tuple[str, ...] = ()
    """Exception classes, or functions that give them, by which a task is cancelled."""
    note: str = ""
    """The traps, in a few sentences: what surprises those who have not read the library's source."""


class Instrumentation(Table, frozen=True, kw_only=True):
    """What reports on pools by itself, or is there to report what the program measures."""

    imports: tuple[str, ...]
    """Modules by whose import one knows it."""

"""The rule interface: what a rule is, what it may ask, what it reports."""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Protocol, runtime_checkable

if TYPE_CHECKING:
    import libcst as cst

    from pooclint.budget.choice import Budget
    from pooclint.engine import FileContext
    from pooclint.program.scopes import Index


class Severity(enum.IntEnum):
    """What a finding costs; ordered, so that filters compare."""

    INFO = 1
    WARNING = 2
    ERROR = 3

    @property
    def label(self) -> str:
        """The lower-case name that the command line, the configuration and the reports use."""
        return self.name.lower()

    def lower(self) -> Severity:
        """One step less, `INFO` at the least."""
        return Severity(max(Severity.INFO, self - 1))


class Confidence(enum.IntEnum):
    """How much of a finding's path was resolved; ordered."""

    LOW = 1
    MEDIUM = 2
    HIGH = 3

    @property
    def label(self) -> str:
        """The lower-case name that the command line, the configuration and the reports use."""
        return self.name.lower()

    def lower(self) -> Confidence:
        """One step less, `LOW` at the least."""
        return Confidence(max(Confidence.LOW, self - 1))


@dataclass(frozen=True, slots=True)
class Step:
    """A place on the way to a defect: 1-based line and column, and what happens there."""

    path: str
    line: int
    column: int
    text: str


@dataclass(frozen=True, slots=True)
class Edit:
    """Replace the text between two 1-based positions (the end is exclusive) by `content`."""

    start_line: int
    start_column: int
    end_line: int
    end_column: int
    content: str


@dataclass(frozen=True, slots=True)
class Fix:
    """Edits that remove the defect. `applicability` is `safe` or `unsafe`."""

    applicability: str
    edits: tuple[Edit, ...]


@dataclass(frozen=True, slots=True)
class Finding:
    """A defect at a place, with the path that shows it. Lines and columns are 1-based, columns count code points."""

    code: str
    name: str
    severity: Severity
    confidence: Confidence
    message: str
    path: str
    line: int
    column: int
    end_line: int
    end_column: int
    function: str = ""
    library: str = ""
    trace: tuple[Step, ...] = ()
    fix: Fix | None = None
    fingerprint: str = ""
    covers: frozenset[str] = frozenset()
    """As of its report; empty once such findings are left out."""

    @property
    def sort_key(self) -> tuple[str, int, int, str, str]:
        """Reports are ordered by file, place and code."""
        return (self.path, self.line, self.column, self.code, self.message)


@dataclass(frozen=True, slots=True)
class Place:
    """A node of any module of the project."""

    node: cst.CSTNode
    module: Index


@dataclass(frozen=True, slots=True)
class Report:
    """What a rule hands to the engine: nodes instead of positions, which are computed only for files with reports."""

    node: cst.CSTNode
    message: tuple[str | cst.CSTNode, ...]
    """Text in pieces; a node among them stands for the number of its line."""
    severity: Severity
    confidence: Confidence = Confidence.HIGH
    function: str = ""
    library: str = ""
    trace: tuple[tuple[cst.CSTNode | Place, str], ...] = ()
    """What happens on the way; a `Place` where it happens in another module."""
    covers: frozenset[str] = frozenset()
    """Codes of what adds nothing to it about the same expression, unless it is worse or more certain."""


@dataclass(frozen=True, slots=True)
class ProjectReport:
    """What a rule about the whole project hands over: places instead of nodes, since the trees are gone by then."""

    step: Step
    """Where it is reported; its text is the message."""
    end_line: int
    end_column: int
    severity: Severity
    confidence: Confidence = Confidence.HIGH
    library: str = ""
    trace: tuple[Step, ...] = ()


class Rule(Protocol):
    """A rule: a class with these attributes and `visit_<Node>` methods (`visit_Call`, `visit_FunctionDef` ...).

    Each visitor takes the node and the file's context and yields `Report`s. `visit_evaluated` takes a function that may
    hold something, the record of its evaluation, and the context. A rule walks no tree and reads no file. One
    that is about all files together has a method `check_project` instead (`ProjectRule`). Its docstring is its
    documentation and has the headings *What it does*, *Why is this bad?*, *Example*, *Use instead*, and, where they
    apply, *Options* and *References*.
    """

    code: ClassVar[str]
    name: ClassVar[str]
    severity: ClassVar[Severity]
    default: ClassVar[bool]
    """True when the rule is on unless it is ignored; False when it is opt-in."""


@runtime_checkable
class ProjectRule(Protocol):
    """A rule about all files of a project; it runs when folders are checked."""

    def check_project(self, budget: Budget) -> Iterable[ProjectReport]:
        """What is reported.

        Args:
            budget: all pools of the project against what its servers take.
        """


Visitor = Callable[["cst.CSTNode", "FileContext"], Iterable[Report]]

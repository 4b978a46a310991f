"""CNX307: clients and pools that an object builds anew in each call of a method."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

import libcst as cst

from pooclint.program.constructions import POOLED
from pooclint.program.shared import variable_of
from pooclint.rule import Confidence, Place, Report, Severity
from pooclint_rules.construction import advice, built, named

if TYPE_CHECKING:
    from pooclint.engine import FileContext
    from pooclint.models import Acquisition
    from pooclint.program.scopes import Class, Function


class ClientPerCall:
    """A client or pool is built in each call of a method, where the object, or the module, could keep one.

    ## What it does
    Reports the construction of a client, pool or engine in a method, itself or by a function that hands it out, where
    it is dropped at the end and its arguments are the same in every call: constants, settings, and attributes that only
    the constructor sets. Reports it in functions as well, where the class or the module keeps such a client already.
    What is stored, returned or cached is left alone, and so is what runs per request (CNX301, CNX302). Opt-in: whether
    the object lives long enough for this to matter is not to be seen in its class. The severity is `info` for clients
    where nothing shared exists.

    ## Why is this bad?
    No connection is ever reused: each call connects and shakes hands anew. An engine or pool per call is worse: each of
    them opens connections of its own, which stay until it is collected.

    ## Example
    ```python
    class Jenkins:
        def __init__(self, url, timeout):
            self.url, self.timeout = url, timeout

        def jobs(self):
            with httpx.Client(timeout=self.timeout) as client:
                return client.get(f"{self.url}/api/json").json()["jobs"]
    ```

    ## Use instead
    ```python
    class Jenkins:
        def __init__(self, url, timeout):
            self.client = httpx.Client(base_url=url, timeout=timeout)

        def jobs(self):
            return self.client.get("/api/json").json()["jobs"]

        def close(self):
            self.client.close()
    ```
    """

    code: ClassVar[str] = "CNX307"
    name: ClassVar[str] = "client-per-call"
    severity: ClassVar[Severity] = Severity.WARNING
    default: ClassVar[bool] = False

    def visit_Call(self, node: cst.Call, context: FileContext) -> Iterable[Report]:
        """Report clients and pools that are built in each call."""
        function = context.scope.function
        found = built(node, context, POOLED) if function else None
        return _per_call(node, context, function, found) if found and function else ()


def _per_call(node: cst.Call, context: FileContext, function: Function, acquired: Acquisition) -> Iterator[Report]:
    if function.name in _CONSTRUCTORS or context.names.runs_once(function):
        return
    if context.homes(node) or context.entry(function):
        return
    record = context.record(function)
    site = record.sites.get(id(node)) if record else None
    if record is None or site is None or site.number in record.placed:
        return
    owner = _object(function)
    sibling = _sibling(node, context, owner, acquired.type)
    if owner is None and not sibling:
        return
    same = context.same_each_time(node)
    type_ = context.models.type(acquired.type)
    cheap = acquired.kind == "client" or bool(type_ and type_.rebuilding == "time")
    if sibling is None:
        what, share = "and dropped at its end", "build it once, with the object, and close it with it"
    elif sibling.there == "yes":
        what, share = f"although {sibling.name} keeps one", f"use {sibling.name}"
    elif sibling.there == "perhaps":
        what, share = f"although {sibling.name} may hold one", f"use {sibling.name} where it does"
    else:
        what, share = f"where {sibling.name} has none", f"keep it in {sibling.name}, and close it with the object"
    name = f"{owner.name}.{function.name}" if owner else function.name
    shown = named(node, acquired, context)
    yield Report(
        node,
        (f"{shown} is built in every call of {name}, {what}: {advice(node, context, same, share)}",),
        Severity.WARNING if (sibling and sibling.there == "yes") or not cheap else Severity.INFO,
        (Confidence.HIGH if sibling else Confidence.MEDIUM) if same else Confidence.LOW,
        function.qualname,
        acquired.library,
        ((node, "built here, in every call"), *(((sibling.place, "kept here"),) if sibling else ())),
    )


def _object(function: Function) -> Class | None:
    """The class on whose objects the function works: a method with `self` of one that is built with something."""
    while function.owner is None and function.parent.function:
        function = function.parent.function
    owner = function.owner
    plain = all(not (isinstance(d, cst.Name) and d.value in _STATIC) for d in function.decorators)
    return owner if owner and plain and function.parameters and owner.attributes else None


_There = Literal["yes", "perhaps", "no"]
_CONSTRUCTORS = frozenset({"__init__", "__new__", "__post_init__", "__init_subclass__"})
_STATIC = ("staticmethod", "classmethod")


@dataclass(frozen=True, slots=True)
class _Sibling:
    """Another of the same type that lasts."""

    name: str
    place: Place
    there: _There
    """`perhaps`: it is handed in by whoever builds the object. `no`: the method looks at it, and may find none."""


def _sibling(node: cst.Call, context: FileContext, owner: Class | None, wanted: str) -> _Sibling | None:
    """An attribute of the object, or a variable of the module, that keeps another of the same type."""
    function = context.scope.function
    # A method that looks at the attribute may build one because there is none.
    asked = context.names.own_attributes(function) if function and owner else frozenset()
    for current in context.names.ancestors(owner) if owner else ():
        for attribute, values in current.attributes.items():
            for value, scope in values:
                if context.names.type_of(value, scope) != wanted or value is node:
                    continue
                there: _There = "no" if attribute in asked else "yes" if isinstance(value, cst.Call) else "perhaps"
                if there != "yes" or _alike(value, node):
                    return _Sibling(f"self.{attribute}", Place(value, scope.module), there)
    for other, scope in context.index.visited:
        if not isinstance(other, cst.Call) or scope.kind != "module" or not _alike(other, node):
            continue
        if context.names.type_of(other, scope) == wanted:
            variable = variable_of(other, context.index)
            if variable:
                return _Sibling(f"'{variable}'", Place(other, context.index), "yes")
    return None


def _alike(one: cst.BaseExpression, other: cst.Call) -> bool:
    """True when two calls are given the same: what is set up differently does not replace the other."""
    if not isinstance(one, cst.Call) or len(one.args) != len(other.args):
        return False
    return all(a.value.deep_equals(b.value) for a, b in zip(one.args, other.args, strict=True))

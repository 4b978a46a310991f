"""The types that annotations name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import libcst as cst

from pooclint.program.definitions import Definitions
from pooclint.program.exports import Interest
from pooclint.program.forms import CLASS, FACTORY, ITEMS, VALUES, only
from pooclint.program.scopes import Class, Scope

_OPTIONAL = frozenset(
    {"typing.Optional", "typing.Annotated", "typing_extensions.Annotated", "typing.Final", "typing.ClassVar"}
)
_UNION = frozenset({"typing.Union"})
_YIELDING = frozenset({"Generator", "AsyncGenerator", "Iterator", "AsyncIterator", "Iterable", "AsyncIterable"})

_GENERIC = {
    **dict.fromkeys(("type", "Type"), (CLASS, 0)),
    "Callable": (FACTORY, 1),
    **dict.fromkeys(("list", "List", "set", "Set", "frozenset", "FrozenSet", "deque", "Deque"), (ITEMS, 0)),
    **dict.fromkeys(("tuple", "Tuple", "Sequence", "MutableSequence"), (ITEMS, 0)),
    **dict.fromkeys(("dict", "Dict", "Mapping", "MutableMapping", "defaultdict", "OrderedDict"), (VALUES, 1)),
    **dict.fromkeys(_YIELDING, (ITEMS, 0)),
}
"""Generic types that are not of the type that they name, but lead to it: how, and which of their arguments it is."""


@dataclass(frozen=True, slots=True)
class Annotations:
    """Look-up of annotations. It keeps nothing."""

    definitions: Definitions

    def annotated(self, node: cst.BaseExpression, scope: Scope, interest: Interest = "acquires") -> str:
        """The one modelled or local type that an annotation names; `Optional`, unions, `Annotated` and strings
        included. Empty when it is not known, or one of several.

        Args:
            interest: which definitions of other modules are worth a parse; of the functions below, too.
        """
        return only(self.named(node, scope, interest))

    def named(self, node: cst.BaseExpression, scope: Scope, interest: Interest = "acquires") -> frozenset[str]:
        """The modelled or local types that an annotation names, of which a union has several."""
        if isinstance(node, cst.SimpleString):
            parsed = _parse_annotation(node)
            return self.named(parsed, scope, interest) if parsed is not None else frozenset()
        if isinstance(node, cst.BinaryOperation) and isinstance(node.operator, cst.BitOr):
            return self.named(node.left, scope, interest) | self.named(node.right, scope, interest)
        if isinstance(node, cst.Subscript):
            return self._generic(node, scope, interest)
        found = self._class(node, scope, interest) if isinstance(node, (cst.Name, cst.Attribute)) else ""
        return frozenset({found} - {""})

    def form(self, node: cst.BaseExpression, scope: Scope, interest: Interest = "acquires") -> str:
        """The one type that an annotation names; of `type[X]`, `Callable[..., X]`, `list[X]` and `dict[K, X]`, the type
        that it leads to, and how. Empty as above."""
        return self.annotated(node, scope, interest) or only(self._leading(node, scope, interest))

    def _leading(self, node: cst.BaseExpression, scope: Scope, interest: Interest) -> frozenset[str]:
        if isinstance(node, cst.SimpleString):
            parsed = _parse_annotation(node)
            return self._leading(parsed, scope, interest) if parsed is not None else frozenset()
        if isinstance(node, cst.BinaryOperation) and isinstance(node.operator, cst.BitOr):
            return self._leading(node.left, scope, interest) | self._leading(node.right, scope, interest)
        if not isinstance(node, cst.Subscript):
            return frozenset()
        items = [e.slice.value for e in node.slice if isinstance(e.slice, cst.Index)]
        base = self.definitions.imports.qualify(node.value, scope)
        if base in _UNION or base in _OPTIONAL:
            meant = items if base in _UNION else items[:1]
            return frozenset[str]().union(*(self._leading(i, scope, interest) for i in meant))
        word = base.rpartition(".")[2] or _last(node.value)
        shape, place = _GENERIC.get(word, ("", 0))
        several = word in ("tuple", "Tuple") and not _goes_on(items)
        found = self.annotated(items[place], scope, interest) if shape and place < len(items) and not several else ""
        return frozenset({shape + found}) if found else frozenset()

    def _class(self, node: cst.Name | cst.Attribute, scope: Scope, interest: Interest) -> str:
        imports = self.definitions.imports
        qualified = imports.qualify(node, scope)
        if imports.models.type(qualified):
            return imports.models.canonical(qualified)
        defined = self.definitions.definition(node, scope, interest=interest)
        if isinstance(defined, Class):
            return self.definitions.local_type(defined)
        target = imports.leads_to(node, scope, interest)
        if target and target.scope:
            return self.alias(target.variable, target.scope)
        if defined is None and not qualified and isinstance(node, cst.Name):
            return self.alias(node.value, scope)
        return ""

    def alias(self, name: str, scope: Scope) -> str:
        """The type that a name stands for in annotations: `SessionDep = Annotated[AsyncSession, Depends(...)]`."""
        found = scope.lookup(name)
        if found is None:
            return ""
        values = (b.value for b in found[1] if isinstance(b.value, cst.Subscript))
        return next((self.annotated(v, found[0]) for v in values), "")

    def yielded(self, node: cst.BaseExpression, scope: Scope) -> str:
        """The type of what a function yields whose result is annotated so: `A` of `Iterator[A]`."""
        if not isinstance(node, cst.Subscript) or _last(node.value) not in _YIELDING or not node.slice:
            return ""
        item = node.slice[0].slice
        return self.annotated(item.value, scope) if isinstance(item, cst.Index) else ""

    def part(self, node: cst.BaseExpression, place: int, scope: Scope) -> str:
        """The form of an element of a tuple that is annotated so: of `tuple[A, B]`, B for 1."""
        if not isinstance(node, cst.Subscript) or _last(node.value) not in ("tuple", "Tuple"):
            return ""
        items = [e.slice.value for e in node.slice if isinstance(e.slice, cst.Index)]
        return self.form(items[place], scope) if place < len(items) and not _goes_on(items) else ""

    def _generic(self, node: cst.Subscript, scope: Scope, interest: Interest) -> frozenset[str]:
        base = self.definitions.imports.qualify(node.value, scope)
        items = [e.slice.value for e in node.slice if isinstance(e.slice, cst.Index)]
        if base in _UNION:
            return frozenset[str]().union(*(self.named(i, scope, interest) for i in items))
        if base in _OPTIONAL:
            return self.named(items[0], scope, interest) if items else frozenset()
        if _last(node.value) in _GENERIC:
            return frozenset()
        return self.named(node.value, scope, interest)


def _goes_on(items: Sequence[cst.BaseExpression]) -> bool:
    """True for the arguments of `tuple[X, ...]`."""
    return len(items) == 2 and isinstance(items[1], cst.Ellipsis)


def _last(node: cst.BaseExpression) -> str:
    if isinstance(node, cst.Attribute):
        return node.attr.value
    return node.value if isinstance(node, cst.Name) else ""


def _parse_annotation(node: cst.SimpleString) -> cst.BaseExpression | None:
    value = node.evaluated_value
    return _parse_expression(value) if isinstance(value, str) and len(value) <= 500 else None


@lru_cache(maxsize=4096)
def _parse_expression(text: str) -> cst.BaseExpression | None:
    try:
        return cst.parse_expression(text)
    except Exception:  # noqa: BLE001 - any parser failure: not an expression: a forward reference of another tool
        return None

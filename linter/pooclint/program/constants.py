"""What an expression is worth before the program runs: literals, constants of other modules, defaults of settings.

A figure in a program is seldom written where it is used. It comes from a constant of another module, from an
environment variable with a default, from a field of a settings class, from a dictionary that is unpacked into the call.
This module follows all of them, and remembers where the figure was written and how it came to be used.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import libcst as cst

from pooclint.models import Argument, Setting
from pooclint.program.folding import CONVERSIONS, Convert, computed, converted
from pooclint.program.keywords import Given, Value, entries, given_arguments
from pooclint.program.literals import literal
from pooclint.program.names import Names
from pooclint.program.objects import Objects
from pooclint.program.partial_texts import UNKNOWN_PART, with_gaps
from pooclint.program.scopes import Scope
from pooclint.rule import Place

_MAX_STEPS = 40
"""Names of names that stand for the same environment variable are followed this far."""


@dataclass(frozen=True, slots=True)
class Constant:
    """The value of an expression, as far as the source says."""

    value: object
    """A number, a text, a truth value or None."""
    place: Place
    """Where it is written."""
    origin: str = ""
    """What would override it: `environment variable POOL`, `field Settings.pool_size`, `parameter 'size'`; empty when
    it is written for good."""
    variable: str = ""
    """The name of the environment variable of which this is the default, where nothing else is done with it."""

    @property
    def how(self) -> str:
        """In words: `written`, or `default of environment variable POOL`."""
        return f"default of {self.origin}" if self.origin else "written"

    @property
    def number(self) -> int | float | None:
        """The value where it is a number."""
        value = self.value
        return value if isinstance(value, (int, float)) and not isinstance(value, bool) else None


@dataclass(frozen=True, slots=True)
class Worth:
    """What a parameter of a call is given."""

    given: bool
    """False when it is surely not given, so that the default holds."""
    constant: Constant | None = None
    """What it is given; None when it is not given, or nobody can say what."""
    variable: str = ""
    """The environment variable that decides, where nobody can say what."""

    @property
    def unknown(self) -> bool:
        """True when it is given, or may be, and nobody can say what."""
        return self.given and self.constant is None


ABSENT = Worth(False)
UNKNOWN = Worth(True)


@dataclass(frozen=True, slots=True)
class Constants:
    """Folds expressions of a project. It keeps nothing."""

    names: Names

    @property
    def objects(self) -> Objects:
        """Look-up of what names lead to, whatever module that is in."""
        return Objects(self.names)

    def constant(self, node: cst.BaseExpression, scope: Scope) -> Constant | None:
        """The value of an expression; None when it is not known before the program runs.

        Args:
            node: the expression.
            scope: where it stands.
        """
        return self._fold(node, scope)

    def of_values(self, values: Sequence[Value]) -> Worth:
        """What something is given that these expressions may give it; one of them is taken for granted."""
        return self.worth(Given(named={"": tuple(values)}), -1, "")

    def text(self, node: cst.BaseExpression, scope: Scope) -> str:
        """The text of a string expression; what is not known of it is a NUL character."""
        return self._text(node, scope)

    def worth(self, given: Given, position: int, keyword: str) -> Worth:
        """What an argument or entry is given.

        Args:
            given: all that is given.
            position: its place among the positional arguments; -1 where there is none.
            keyword: its name.
        """
        values: list[Value] = []
        if 0 <= position < len(given.positional):
            values.append(given.positional[position])
        elif position >= 0 and given.more_positional:
            return UNKNOWN
        values += given.named.get(keyword, ())
        if not values:
            return UNKNOWN if given.more_named else ABSENT
        found = _only([self._value(value) for value in values])
        return Worth(True, found, "" if found or len(values) > 1 else self._variable_of(values[0]))

    def _fold(self, node: cst.BaseExpression, scope: Scope) -> Constant | None:
        value = literal(node)
        if value is not ...:
            return Constant(value, Place(node, scope.module))
        match node:
            case cst.Name() | cst.Attribute():
                return self._once(node, lambda: self._named(node, scope))
            case cst.Call():
                return self._once(node, lambda: self._called(node, scope))
            case cst.BinaryOperation(left=left, operator=sign, right=right):
                return self._computed(sign, left, right, scope)
            case cst.UnaryOperation(operator=cst.Minus(), expression=inner):
                found = self._fold(inner, scope)
                number = found.number if found else None
                return replace(found, value=-number) if found and number is not None else None
            case cst.BooleanOperation(operator=cst.Or(), left=left, right=right):
                return self._either(left, right, scope)
            case cst.IfExp(body=body, orelse=orelse):
                return self._chosen(body, orelse, scope)
            case cst.NamedExpr(value=inner) | cst.Await(expression=inner):
                return self._fold(inner, scope)
            case cst.FormattedString() | cst.ConcatenatedString():
                text = self._text(node, scope)
                return Constant(text, Place(node, scope.module)) if UNKNOWN_PART not in text else None
            case cst.Subscript():
                return self._entry(node, scope)
        return None

    def _once(self, node: cst.BaseExpression, work: Callable[[], Constant | None]) -> Constant | None:
        """What a name or a call is worth: names lead to names, in circles and by many ways."""
        return self.names.circles.answer(self.names.constants, id(node), None, work)

    def _named(self, node: cst.Name | cst.Attribute, scope: Scope) -> Constant | None:
        return _only([self._value(v) for v in self.objects.values(node, scope)])

    def _value(self, value: Value) -> Constant | None:
        if value.node is None:
            return None
        found = self._fold(value.node, value.scope)
        if found and value.field and not found.origin:
            return replace(found, origin=value.field, variable=value.variable)
        return found

    def _called(self, node: cst.Call, scope: Scope) -> Constant | None:
        qualified = self.names.qualify(node.func, scope)
        convert = CONVERSIONS.get(qualified)
        if convert and len(node.args) == 1 and not node.args[0].star:
            return _converted(self._fold(node.args[0].value, scope), convert)
        setting = self.objects.setting(node, scope)
        if setting:
            return self._default_of(setting, node, scope)
        returned = [self._value(v) for v in self.objects.values(node, scope)]
        return _only(returned) if returned else self._got(node, scope)

    def _default_of(self, setting: Setting, node: cst.Call, scope: Scope) -> Constant | None:
        given = given_arguments(node, scope, self.objects.values)
        key = self._of(given, setting.key) if setting.key is not None else None
        name = key.value if key and isinstance(key.value, str) else ""
        found = next((c for default in setting.default if (c := self._of(given, default))), None)
        if found is None:
            return None
        if setting.cast is not None:
            found = self._cast(found, given, setting.cast)
        if found and setting.key is not None:
            return replace(found, origin=f"{setting.what} {name}".strip(), variable=name)
        return found

    def _cast(self, found: Constant, given: Given, cast: Argument) -> Constant | None:
        value = given.argument(cast)
        if value is None or value.node is None:
            return found
        convert = CONVERSIONS.get(self.names.qualify(value.node, value.scope))
        return _converted(found, convert) if convert else None

    def _of(self, given: Given, argument: Argument) -> Constant | None:
        value = given.argument(argument)
        return self._fold(value.node, value.scope) if value and value.node is not None else None

    def _got(self, node: cst.Call, scope: Scope) -> Constant | None:
        """`OPTIONS.get("pool_size", 10)`: the entry of a dictionary that is written out, else the default."""
        match node:
            case cst.Call(func=cst.Attribute(value=mapping, attr=cst.Name(value="get")), args=[first, *rest]):
                key = self._fold(first.value, scope)
                if key is None or not isinstance(key.value, str) or len(rest) != 1:
                    return None
                entry = self._in_mapping(mapping, key.value, scope)
                if entry.constant or entry.unknown:
                    return entry.constant
                found = self._fold(rest[0].value, scope)
                return replace(found, origin=f"'{key.value}'") if found and not entry.given else None
        return None

    def _entry(self, node: cst.Subscript, scope: Scope) -> Constant | None:
        match node.slice:
            case [cst.SubscriptElement(slice=cst.Index(value=index))]:
                key = self._fold(index, scope)
                if key and isinstance(key.value, str):
                    return self._in_mapping(node.value, key.value, scope).constant
        return None

    def _in_mapping(self, node: cst.BaseExpression, key: str, scope: Scope) -> Worth:
        found = entries(node, scope, self.objects.values)
        if found is None:
            return ABSENT
        return self.worth(Given(named=found.named, more_named=found.more), -1, key)

    def _computed(
        self, sign: cst.BaseBinaryOp, left: cst.BaseExpression, right: cst.BaseExpression, scope: Scope
    ) -> Constant | None:
        first, second = self._fold(left, scope), self._fold(right, scope)
        value = computed(sign, first.value, second.value) if first and second else None
        if first is None or second is None or value is None:
            return None
        # What may be overridden says more about the result than what may not.
        return replace(second if second.origin and not first.origin else first, value=value, variable="")

    def _either(self, left: cst.BaseExpression, right: cst.BaseExpression, scope: Scope) -> Constant | None:
        """`environ.get("POOL") or 20`."""
        first = self._fold(left, scope)
        if first and first.value:
            return first
        name = self._unset(left, scope)
        second = self._fold(right, scope) if name or first else None
        if second is None:
            return None
        return replace(second, origin=_named(*name) if name else first.origin if first else "", variable=_last(name))

    def _chosen(self, body: cst.BaseExpression, orelse: cst.BaseExpression, scope: Scope) -> Constant | None:
        """`int(environ["POOL"]) if "POOL" in environ else 20`: the side that is used where the variable is not set."""
        sides = [self._fold(side, scope) for side in (body, orelse)]
        names = [self._unset(side, scope) for side in (body, orelse)]
        if sides[0] and sides[1]:
            return sides[0] if _same(sides[0].value, sides[1].value) else None
        known = sides[0] or sides[1]
        name = names[1] if sides[0] else names[0]
        return replace(known, origin=_named(*name), variable=name[1]) if known and name else None

    def variable(self, node: cst.BaseExpression, scope: Scope) -> str:
        """The environment variable that an expression reads, whether or not it has a default; empty when it reads
        none, or does something with it."""
        found = self._fold(node, scope)
        if found and found.variable:
            return found.variable
        return self._variable_of(Value(node, scope), 0)

    def _variable_of(self, value: Value, steps: int = 0) -> str:
        if value.variable or value.node is None or steps > _MAX_STEPS:
            return value.variable
        values = list(self.objects.values(value.node, value.scope))
        if len(values) == 1 and values[0].node is not value.node and not isinstance(value.node, cst.Call):
            return self._variable_of(values[0], steps + 1)
        return _last(self._unset(value.node, value.scope))

    def _unset(self, node: cst.BaseExpression, scope: Scope) -> tuple[str, str] | None:
        """What an expression reads, and its name, where it gives no default; None otherwise."""
        match node:
            case cst.Call(args=[only]) if self.names.qualify(node.func, scope) in CONVERSIONS:
                return self._unset(only.value, scope)
            case cst.Call():
                setting = self.objects.setting(node, scope)
                if setting is None or setting.key is None:
                    return None
                key = self._of(given_arguments(node, scope, self.objects.values), setting.key)
            case cst.Subscript(slice=[cst.SubscriptElement(slice=cst.Index(value=index))]):
                setting = self.names.models.settings.get(self.names.qualify(node.value, scope))
                key = self._fold(index, scope)
            case _:
                return None
        return (setting.what, key.value) if setting and key and isinstance(key.value, str) else None

    def _text(self, node: cst.BaseExpression, scope: Scope) -> str:
        match node:
            case cst.FormattedString(parts=parts):
                return "".join(
                    part.value if isinstance(part, cst.FormattedStringText) else self._inserted(part, scope)
                    for part in parts
                )
            case cst.ConcatenatedString(left=left, right=right):
                return self._text(left, scope) + self._text(right, scope)
            case cst.BinaryOperation(left=left, operator=cst.Add(), right=right):
                return self._text(left, scope) + self._text(right, scope)
            case cst.Call(func=cst.Attribute(value=cst.SimpleString() as pattern, attr=cst.Name(value="format"))):
                return with_gaps(literal(pattern))
            case cst.Name() | cst.Attribute() | cst.Call():
                texts = self.names.texts
                return self.names.circles.answer(texts, id(node), UNKNOWN_PART, lambda: self._text_of(node, scope))
        return self._folded_text(node, scope)

    def _text_of(self, node: cst.Name | cst.Attribute | cst.Call, scope: Scope) -> str:
        values = list(self.objects.values(node, scope))
        if len(values) == 1 and values[0].node is not None:
            return self._text(values[0].node, values[0].scope)
        return self._folded_text(node, scope) if isinstance(node, cst.Call) else UNKNOWN_PART

    def _folded_text(self, node: cst.BaseExpression, scope: Scope) -> str:
        found = self._fold(node, scope)
        return str(found.value) if found and isinstance(found.value, (str, int)) else UNKNOWN_PART

    def _inserted(self, part: cst.BaseFormattedStringContent, scope: Scope) -> str:
        if not isinstance(part, cst.FormattedStringExpression) or part.format_spec:
            return UNKNOWN_PART
        return self._text(part.expression, scope)


def _converted(found: Constant | None, convert: Convert) -> Constant | None:
    value = converted(found.value, convert) if found else None
    return replace(found, value=value) if found and value is not None else None


def _only(found: list[Constant | None]) -> Constant | None:
    """The value that all of these have."""
    first = found[0] if found else None
    return first if first and all(c and _same(c.value, first.value) for c in found) else None


def _named(what: str, name: str) -> str:
    return f"{what} {name}"


def _last(name: tuple[str, str] | None) -> str:
    return name[1] if name else ""


def _same(left: object, right: object) -> bool:
    return type(left) is type(right) and left == right

"""Which entries of the models a call meets."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

import libcst as cst

from pooclint.models import Call
from pooclint.program.circles import Memo
from pooclint.program.definitions import Definitions
from pooclint.program.forms import CLASS, FACTORY, led_to, plain
from pooclint.program.imports import Imports
from pooclint.program.keywords import bound_values, given_arguments, keywords, literal_arguments
from pooclint.program.scopes import Class, Scope
from pooclint.program.twins import is_awaited
from pooclint.program.types import Types
from pooclint.source.nodes import nodes_of


@dataclass(slots=True)
class ModelledCalls:
    """Look-up of calls in the models. Its state is a memo."""

    imports: Imports
    definitions: Definitions
    types: Types
    _calls: Memo[tuple[int, int, str, str], tuple[Call, ...]] = field(default_factory=dict)

    def forget(self) -> None:
        """Forget what was looked up so far."""
        self._calls.clear()

    def calls(self, node: cst.Call, scope: Scope, receiver: str = "", callee: str = "") -> tuple[Call, ...]:
        """Model entries of a call whose conditions (`only-if`) its literal arguments meet.

        Args:
            receiver: type of the object a method is called on, where the caller knows it better.
            callee: type of what is called, where that is no method and the caller knows it better.
        """
        key = (id(node), id(scope), receiver, callee)
        known = self._calls.get(key)
        if known is not None:
            return self.imports.circles.again(known)

        def work() -> tuple[Call, ...]:
            found = self._candidates(node, scope, receiver, callee)
            return tuple(c for c in found if self._applies(c, node, scope))

        settled = not self.types.inferring and not self.imports.following
        return self.imports.circles.once(self._calls, key, work, settled)

    def _candidates(self, node: cst.Call, scope: Scope, receiver: str, callee: str) -> tuple[Call, ...]:
        models = self.imports.models
        qualified = self.imports.qualify(node.func, scope)
        found = models.calls(qualified) if qualified else ()
        if not found and isinstance(node.func, cst.Attribute) and not callee:
            found = self._methods(node.func, scope, receiver)
        if found:
            return found
        defined = self.definitions.definition(node.func, scope)
        if isinstance(defined, Class):
            base = self.types.modelled_base(defined)
            return () if self._makes_itself(defined, base) else models.calls(base)
        if defined:
            return ()
        form = callee or self.types.form_of(node.func, scope)
        made = led_to(form, CLASS) or self._of_the_caller(led_to(form, FACTORY))
        return models.calls(made) if made else models.methods(plain(form), "__call__")

    def _makes_itself(self, owner: Class, base: str) -> bool:
        """True for a thread whose own constructor says what becomes of its arguments: what its base would do with them
        matters to nobody."""
        return bool(self.imports.models.run_by_base(base)) and self.definitions.method(owner, "__init__") is not None

    def _of_the_caller(self, made: str) -> str:
        """The type of what a `Callable[..., X]` gives, where it is made for whoever calls it: a session is made for the
        work at hand. A client or a pool that a function gives may well be one that it keeps."""
        found = self.imports.models.type(made)
        return made if found and found.kind == "session" else ""

    def _methods(self, func: cst.Attribute, scope: Scope, receiver: str) -> tuple[Call, ...]:
        models, method = self.imports.models, func.attr.value
        if method not in models.call_words:
            return ()
        receiver = receiver or self.types.type_of(func.value, scope)
        owner = self.definitions.local_class(receiver)
        if owner and not self.definitions.method(owner, method):
            receiver = self.types.modelled_base(owner)
        found = models.methods(receiver, method)
        if found:
            return found
        # A class method called on the class itself: `Redis.from_url(...)` of an alias or a subclass.
        base = models.canonical(self.imports.qualify(func.value, scope))
        found = models.calls(f"{base}.{method}") if base else ()
        return found or (() if receiver or owner else self._by_name(func, scope))

    def _by_name(self, func: cst.Attribute, scope: Scope) -> tuple[Call, ...]:
        """Calls that a method's name alone stands for; of twins, the one that fits the kind of function, and whether it
        waits for what it does with the result. A function of the project speaks for itself."""
        found = self.imports.models.distinctive.get(func.attr.value, ())
        if not found or self.definitions.definition(func, scope, interest="anything"):
            return ()
        asynchronous = scope.function is not None and scope.function.is_async
        alike = tuple(c for c in found if (c.awaited != "no") == asynchronous) or found
        if len(alike) == 1:
            return alike
        awaits = is_awaited(func, scope)
        return tuple(c for c in alike if self._is_asynchronous(c) == awaits)[:1] or alike[:1]

    def _is_asynchronous(self, call: Call) -> bool:
        """True where what the call gives is released by a coroutine."""
        acquisition = self.imports.models.acquisition(call)
        return acquisition is not None and acquisition.released_by_awaiting

    def _applies(self, call: Call, node: cst.Call, scope: Scope) -> bool:
        if call.unless and self._is_given(node, scope, call.unless):
            return False
        if call.takes_back and self._keeps_nothing(node, scope, call.takes_back):
            return False
        if call.when and not self._is_given(node, scope, call.when):
            return False
        if call.given and not self._has_one_of(node, scope, call.given):
            return False
        if not call.only_if:
            return True
        if call.alone and len(node.args) > len(call.only_if):
            return False
        known = literal_arguments(node)
        return all(key in known and known[key] == value for key, value in call.only_if.items())

    def _has_one_of(self, node: cst.Call, scope: Scope, wanted: Collection[int | str]) -> bool:
        """True when a call has one of these arguments, or one may be among those that it unpacks, or that the
        constructor of a class of the project gives its base."""
        given = given_arguments(node, scope, bound_values)
        places = {*range(len(given.positional)), *given.named}
        more = given.more_positional or given.more_named
        if more or not places.isdisjoint(wanted) or ("*" in wanted and places):
            return True
        made = self.definitions.definition(node.func, scope)
        return isinstance(made, Class) and self.definitions.method(made, "__init__") is not None

    def _is_given(self, node: cst.Call, scope: Scope, wanted: Mapping[str, Collection[str]]) -> bool:
        """True when a keyword argument is one of the things that are wanted for it, or a class derived from one."""
        for key, value in keywords(node, scope):
            if key in wanted:
                defined = self.definitions.definition(value, scope, interest="anything")
                base = self.types.modelled_base(defined) if isinstance(defined, Class) else ""
                if self.imports.qualify(value, scope) in wanted[key] or base in wanted[key]:
                    return True
        return False

    def _keeps_nothing(self, node: cst.Call, scope: Scope, wanted: Mapping[str, str]) -> bool:
        """True when a keyword argument is a class of the project that does nothing with what it takes back but to call
        methods of it."""
        for key, value in keywords(node, scope):
            owner = self.definitions.definition(value, scope, interest="anything") if key in wanted else None
            method = self.definitions.method(owner, wanted[key]) if isinstance(owner, Class) else None
            if method is not None and len(method.parameters) > 1:
                given = method.parameters[1].name
                called = (n.func.value for n in nodes_of(cst.Call, method.body_nodes) if type(n.func) is cst.Attribute)
                harmless = {id(receiver) for receiver in called}
                named = (n for n in nodes_of(cst.Name, method.body_nodes) if n.value == given)
                if all(id(name) in harmless for name in named):
                    return True
        return False

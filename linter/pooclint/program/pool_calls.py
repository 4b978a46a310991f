"""The pools that calls make: constructors of libraries, and calls by which a framework makes its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import libcst as cst

from pooclint.models import Call, Library, PoolSetting, Size
from pooclint.program.addresses import address_of
from pooclint.program.constants import Constants
from pooclint.program.keywords import Entries, entries, given_arguments
from pooclint.program.names import Names
from pooclint.program.parameters import parameter_of
from pooclint.program.pool_drafts import Draft, figures_in
from pooclint.program.pools import Address, Doubt
from pooclint.program.scopes import Function, Index, Scope
from pooclint.source.nodes import descendants, dotted

Repeats = Callable[[Function], bool]
"""Says whether a function runs again and again."""


def pools_by_calls(index: Index, names: Names, repeats: Repeats) -> Iterator[Draft]:
    """The pools that the calls of a module make; arguments as in `find_pools`."""
    constants = Constants(names)
    made_by = {n: (lib, s) for lib, s in reversed(names.models.pool_settings) for n in s.made_by}
    for node, scope in index.visited:
        if not isinstance(node, cst.Call):
            continue
        call = next((c for c in names.calls(node, scope) if c.size), None)
        if call is not None and call.size is not None:
            if not _shares(node, call, scope):
                yield _from_call(node, call, call.size, scope, constants, repeats)
            continue
        qualified = names.qualify(node.func, scope) if made_by else ""
        if qualified in made_by:
            library, setting = made_by[qualified]
            yield _by_framework(node, library, setting, scope, constants, qualified)


def _shares(node: cst.Call, call: Call, scope: Scope) -> bool:
    """True for a call that is given the pool of somebody else."""
    given = given_arguments(node, scope, lambda *_: ())
    return any(isinstance(a, str) and a in given.named for a in call.shares)


def _from_call(node: cst.Call, call: Call, size: Size, scope: Scope, constants: Constants, repeats: Repeats) -> Draft:
    models = constants.names.models
    library = models.library(call)
    name = _name(node, scope)
    function = scope.function
    doubt: Doubt = ""
    if function and repeats(function):
        doubt = "request"
    elif function and _entered(node, scope) and not function.is_generator and function.name != "main":
        doubt = "with"
    made_by = constants.names.qualify(node.func, scope) or (call.names[0] if call.names else dotted(node.func))
    address = address_of(node, scope, constants, models.servers.get(library, ""))
    group = f"{scope.module.origin.path}:{scope.qualname}:{name}" if name else ""
    return Draft(
        node, name or _made_in(node, scope), made_by, library, size,
        lambda parameter: parameter_of(node, parameter, scope, constants), address, group, doubt=doubt,
    )  # fmt: skip


def _by_framework(
    node: cst.Call, library: Library, setting: PoolSetting, scope: Scope, constants: Constants, qualified: str
) -> Draft:
    """What a framework makes with its defaults, where no setting says otherwise."""
    given = given_arguments(node, scope, constants.objects.values)
    mapping = given.argument(setting.keyword) if setting.keyword else None
    found = entries(mapping.node, mapping.scope, constants.objects.values) if mapping and mapping.node else None
    return Draft(
        node, _name(node, scope) or _made_in(node, scope), qualified, library.name, setting.size,
        figures_in(found or Entries(more=mapping is not None), constants), Address(server=library.server),
        f"setting:{setting.names[0]}", fallback=mapping is None,
    )  # fmt: skip


def _name(node: cst.Call, scope: Scope) -> str:
    """What the result is bound to: `engine`, `self.pool`."""
    for name, bindings in scope.bindings.items():
        if any(b.value is not None and _holds(b.value, node) for b in bindings):
            return name
    for name, values in scope.owner.attributes.items() if scope.owner else ():
        if any(_holds(value, node) for value, _ in values):
            return f"{scope.owner.name}.{name}" if scope.owner else name
    return ""


def _holds(value: cst.BaseExpression, node: cst.Call) -> bool:
    return any(part is node for part in descendants(value, into_functions=False))


def _made_in(node: cst.Call, scope: Scope) -> str:
    return f"{scope.function.qualname}()" if scope.function else f"{dotted(node.func).rpartition('.')[2]}(...)"


def _entered(node: cst.Call, scope: Scope) -> bool:
    return any(
        b.entered and b.value is not None and _holds(b.value, node) for bs in scope.bindings.values() for b in bs
    )

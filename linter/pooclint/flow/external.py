"""Calls that leave the process, and what is held while they are made."""

from __future__ import annotations

import libcst as cst

from pooclint.flow.invocations import Invocation
from pooclint.flow.run import Hold, Reached, Run
from pooclint.flow.values import Fate, Obligation, State
from pooclint.models import External
from pooclint.program.names import Names
from pooclint.program.scopes import Scope


def external_call(run: Run, invocation: Invocation) -> External | None:
    """The external-call entry of a call, by what is known of its receiver here, or anywhere."""
    if invocation.method and invocation.head.type:
        found = run.models.external_method(_modelled_type(run.names, invocation.head.type), invocation.method)
        if found:
            return found
    return external_of(run.names, invocation.node, run.scope)


def external_of(names: Names, node: cst.Call, scope: Scope) -> External | None:
    """The external-call entry of a call: by its qualified name, or by the type of its receiver."""
    qualified = names.qualify(node.func, scope)
    found = names.models.external(qualified) if qualified else None
    if (
        found
        or not isinstance(node.func, cst.Attribute)
        or not names.models.external_words & {node.func.attr.value, "*"}
    ):
        return found
    return names.models.external_method(
        _modelled_type(names, names.type_of(node.func.value, scope)), node.func.attr.value
    )


def _modelled_type(names: Names, type_name: str) -> str:
    owner = names.local_class(type_name)
    return names.modelled_base(owner) if owner else type_name


def hold(
    run: Run,
    state: State,
    node: cst.CSTNode,
    external: External,
    awaited: bool,
    own: frozenset[int] = frozenset(),
    reached: Reached | None = None,
) -> None:
    """Record what is held while an external call is made; what the call itself is made on (`own`) is in use, not
    held."""
    if external.category == "database":
        return
    for number, obligation in state.obligations.items():
        if number not in own and _occupies(obligation):
            key = (obligation.site.number, id(node))
            run.record.holds.setdefault(key, Hold(obligation.site, obligation, node, external, awaited, reached))


def _occupies(obligation: Obligation) -> bool:
    acquisition = obligation.site.acquisition
    return obligation.fate is Fate.HELD and obligation.holding and (acquisition.pooled or obligation.in_transaction)

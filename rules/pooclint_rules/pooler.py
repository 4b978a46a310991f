"""CNX601 and CNX602: what a pooler in transaction mode takes from the programs behind it."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import libcst as cst

from pooclint.deployment.facts import Deployment, Pooler
from pooclint.models import Call, Prepares, SessionState
from pooclint.program.constants import Worth
from pooclint.program.pools import Address
from pooclint.program.sql import (
    Statement,
    begins_with,
    calls_of,
    contains,
    is_partly_unknown,
    may_begin_with,
    statements,
)
from pooclint.rule import Confidence, Report, Severity

if TYPE_CHECKING:
    from pooclint.engine import FileContext

_HERE = frozenset({"localhost", "127.0.0.1", "::1"})
_SHARING = frozenset({"transaction", "statement", "unknown"})
"""Modes in which a client may meet another connection of the server; `unknown` is likely one of them."""


@dataclass(frozen=True, slots=True)
class Route:
    """A pooler that connections lead through."""

    pooler: Pooler
    confidence: Confidence


def route(address: Address, context: FileContext) -> Route | None:
    """The pooler that an address leads to; for an address that is not known, the one of the deployment."""
    here = [p for p in context.deployment.production.poolers if p.mode.value in _SHARING]
    for pooler in here:
        if not pooler.name and pooler.mode.how == "configured":  # all connections lead through it
            return Route(pooler, Confidence.HIGH)
        if _answers(pooler, address):
            return Route(pooler, _trust(pooler))
    known = next((p for p in context.deployment.well_known if p.answers_at(address.host, address.port)), None)
    if known is not None and known.mode.value in _SHARING:
        return Route(known, _trust(known))
    # An address on this machine is a developer's, and says nothing of where the connections lead elsewhere.
    if (address.host and address.host not in _HERE) or not here:
        return None
    return Route(here[0], min(Confidence.MEDIUM, _trust(here[0])))


def _scheme(address: Address) -> str:
    return f"{address.scheme}+{address.driver}" if address.driver else address.scheme


def _trust(pooler: Pooler) -> Confidence:
    return Confidence.MEDIUM if pooler.mode.value == "unknown" else Confidence.HIGH


def _severity(usual: Severity, route: Route) -> Severity:
    """What a pooler that pins takes away is only that connections are shared."""
    return Severity.INFO if route.pooler.pins else usual


def _answers(pooler: Pooler, address: Address) -> bool:
    if address.host and address.host == pooler.name:
        return True
    return address.host in _HERE and bool(pooler.port) and address.port == pooler.port


def _described(pooler: Pooler, deployment: Deployment) -> str:
    """`pgbouncer in transaction mode (deploy/pgbouncer.ini:7)`."""
    mode = pooler.mode.value
    where = pooler.mode if pooler.mode.path else pooler
    name = os.path.relpath(where.path, deployment.root) if where.path and deployment.root else where.path
    place = f" ({name.replace(os.sep, '/')}:{where.line})" if name else ""
    pins = ", which pins such a client to one connection" if pooler.pins else ""
    return f"{pooler.kind}{'' if mode == 'unknown' else f' in {mode} mode'}{place}{pins}"


class PreparedThroughPooler:
    """A driver prepares statements, and a pooler in transaction mode is between it and the server.

    ## What it does
    Reports connections and pools whose driver prepares statements by itself, when the configuration, a deployment file
    or the URL says that they lead through a pooler in transaction mode which does not follow prepared statements.
    PgBouncer does so from 1.21 on where `max_prepared_statements` is set, and by default from 1.24 on.

    ## Why is this bad?
    The pooler gives each transaction whatever connection of the server is free. The statement that was prepared on
    another one does not exist there, or a statement of that name exists already: queries fail, at random, under load.

    `prepare_threshold=0` is not the remedy for psycopg: it prepares at the first execution. `None` is.

    ## Example
    ```python
    pool = await asyncpg.create_pool("postgresql://app@pgbouncer:6432/shop")
    ```

    ## Use instead
    ```python
    pool = await asyncpg.create_pool("postgresql://app@pgbouncer:6432/shop", statement_cache_size=0)
    ```

    ## Options
    - `pooler.mode`, `pooler.max-prepared-statements`
    """

    code: ClassVar[str] = "CNX601"
    name: ClassVar[str] = "prepared-through-pooler"
    severity: ClassVar[Severity] = Severity.ERROR
    default: ClassVar[bool] = True

    def visit_Call(self, node: cst.Call, context: FileContext) -> Iterable[Report]:
        """Report calls whose connections prepare statements."""
        for call in context.names.calls(node, context.scope):
            if not call.prepares:
                continue
            address = context.address(node)
            for prepares in call.prepares:
                if prepares.schemes and _scheme(address) not in prepares.schemes:
                    continue
                given = _given(node, prepares, context)
                found = None if given is None else route(address, context)
                if given is not None and found is not None:
                    yield from self._report(node, call, prepares, given, found, context)

    def _report(
        self, node: cst.Call, call: Call, prepares: Prepares, given: dict[str, Worth], found: Route,
        context: FileContext,
    ) -> Iterator[Report]:  # fmt: skip
        followed = found.pooler.max_prepared_statements
        if followed is not None and followed.value > 0:
            return
        confidence = found.confidence
        if followed is None and found.pooler.mode.how != "configured":
            confidence = Confidence.LOW if confidence < Confidence.HIGH else Confidence.MEDIUM
        wrong = next((text for key, worth in given.items() if (text := _mistake(key, worth, prepares))), "")
        library = context.models.library(call)
        text = f"{wrong} prepares at once" if wrong else f"{library} prepares statements"
        text += f", and {_described(found.pooler, context.deployment)} gives the next transaction another connection"
        function = context.scope.function
        yield Report(
            node,
            (f"{text}, which does not know them: pass {prepares.remedy}",),
            _severity(self.severity, found),
            confidence,
            function.qualname if function else "",
            library,
        )


def _given(node: cst.Call, prepares: Prepares, context: FileContext) -> dict[str, Worth] | None:
    """What a call says of preparing statements; None when it switches it off, or nobody can tell."""
    positions = {index for index, argument in enumerate(node.args) if not argument.keyword and not argument.star}
    named = {argument.keyword.value for argument in node.args if argument.keyword}
    if any(one in positions or one in named for one in prepares.decided_by):
        return None
    found = {
        key: context.nested(node, *((prepares.inside, key) if prepares.inside else (key,))) for key in prepares.off
    }
    if any(worth.unknown for worth in found.values()):
        return None
    off = all(w.constant and _is_one_of(w.constant.value, prepares.off[k]) for k, w in found.items())
    return None if off else found


def _is_one_of(value: object, values: tuple[object, ...]) -> bool:
    return "None" in values if value is None else any(value == v and type(value) is type(v) for v in values)


def _mistake(key: str, worth: Worth, prepares: Prepares) -> str:
    """`prepare_threshold=0`, which is meant as a remedy and is none; empty for anything else."""
    known = worth.constant
    return f"{key}={known.value!r}" if known and _is_one_of(known.value, prepares.mistaken.get(key, ())) else ""


class SessionStateThroughPooler:
    """A statement leaves something behind in the server's session, and the next one may run in another.

    ## What it does
    Reports `LISTEN`, `SET` (other than `SET LOCAL`), session advisory locks, temporary tables, cursors `WITH HOLD` and
    SQL's own `PREPARE` in text that is sent to PostgreSQL, when the configuration, a deployment file or the URL says
    that the connection leads through a pooler in transaction mode. Parameters that PgBouncer follows by itself
    (`application_name`, `TimeZone` ...) are left alone.

    ## Why is this bad?
    The pooler gives each transaction whatever connection of the server is free. The notification never arrives, the
    setting is gone and surprises another client, the unlock meets another session and the lock stays.

    ## Example
    ```python
    await conn.execute("SET statement_timeout = '5s'")
    await conn.execute(QUERY)
    ```

    ## Use instead
    ```python
    async with conn.transaction():
        await conn.execute("SET LOCAL statement_timeout = '5s'")
        await conn.execute(QUERY)
    ```

    ## Options
    - `pooler.mode`
    """

    code: ClassVar[str] = "CNX602"
    name: ClassVar[str] = "session-state-through-pooler"
    severity: ClassVar[Severity] = Severity.WARNING
    default: ClassVar[bool] = True

    def visit_Call(self, node: cst.Call, context: FileContext) -> Iterable[Report]:
        """Report what a session keeps."""
        if not isinstance(node.func, cst.Attribute):
            return
        kept = list(_kept(node, node.func, context))
        found = route(_address_behind(node.func.value, context), context) if kept else None
        if found is None:
            return
        function = context.scope.function
        for state, certain in kept:
            text = f"{state.name} through {_described(found.pooler, context.deployment)}: {state.lost}"
            yield Report(
                node,
                (f"{text}; {state.instead}",),
                _severity(self.severity, found),
                found.confidence if certain else Confidence.LOW,
                function.qualname if function else "",
                "postgresql",
            )


def _kept(node: cst.Call, func: cst.Attribute, context: FileContext) -> Iterator[tuple[SessionState, bool]]:
    """What a call leaves behind in the session, and whether that is certain: each kind once."""
    known = context.models.session_states
    named = {call.session_state for call in context.names.calls(node, context.scope)}
    seen = {state.name: (state, True) for state in known if state.name in named}
    if func.attr.value in context.models.sql_words and node.args and _sends_sql(func, context):
        for statement in statements(_sql(node.args[0].value, context)):
            for state in known:
                if _leaves(statement, state):
                    seen.setdefault(state.name, (state, not (state.unless and is_partly_unknown(statement))))
    yield from seen.values()


def _sends_sql(func: cst.Attribute, context: FileContext) -> bool:
    receiver = context.names.type_of(func.value, context.scope)
    owner = context.names.local_class(receiver)
    lineage = context.models.lineage(context.names.modelled_base(owner) if owner else receiver)
    types = (context.models.type(name) for name in lineage)
    return any(type_ is not None and func.attr.value in type_.postgresql for type_ in types)


def _sql(node: cst.BaseExpression, context: FileContext) -> str:
    """The text of a statement, out of whatever is wrapped around it: `text("...")`, `SQL("...").format(...)`."""
    match node:
        case cst.Call(func=cst.Attribute(value=cst.Call() as wrapped)):
            return _sql(wrapped, context)
        case cst.Call(func=cst.Attribute(attr=cst.Name(value="format"))):
            return context.text(node)
        case cst.Call(args=[first, *_]):
            return _sql(first.value, context)
        case cst.BinaryOperation(operator=cst.Modulo(), left=left):
            return _sql(left, context)
    return context.text(node)


def _leaves(statement: Statement, state: SessionState) -> bool:
    if state.begins and not any(begins_with(statement, words) for words in state.begins):
        return False
    if any(may_begin_with(statement, words) for words in state.unless_begins):
        return False
    if state.functions:
        calls = calls_of(statement, [name.upper() for name in state.functions])
        if not any(not state.last_argument or (len(a) == 1 and a[0] in state.last_argument) for _, a in calls):
            return False
    if state.contains and not any(contains(statement, words) for words in state.contains):
        return False
    return not any(contains(statement, words) for words in state.unless)


def _address_behind(node: cst.BaseExpression, context: FileContext, steps: int = 0) -> Address:
    """Where the connection behind a receiver leads, as far as the calls that made it are known."""
    made = context.names.origin(node, context.scope)
    if made is None or steps > 4:
        return Address()
    if isinstance(made.func, cst.Attribute) and not any(c.names for c in context.names.calls(made, context.scope)):
        return _address_behind(made.func.value, context, steps + 1)
    return context.address(made)

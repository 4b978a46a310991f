"""Finds the pools that a module makes, by calls and by the settings of frameworks."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

import libcst as cst

from pooclint.models import Call, Library, Parameter, PoolSetting, Size
from pooclint.program.constants import ABSENT, Constants, Worth
from pooclint.program.keywords import Entries, Value, entries, given_arguments
from pooclint.program.names import Names
from pooclint.program.objects import Objects
from pooclint.program.pools import Address, Amount, Doubt, Pool
from pooclint.program.scopes import Function, Index, Scope, descendants, dotted
from pooclint.rule import Place
from pooclint.source.positions import Span

_URL_NAME = re.compile(r"url|uri|dsn|conn|database|postgres|mysql", re.IGNORECASE)
"""Names of environment variables that are likely to hold the address of a database."""
_UNKNOWN = "\0"
_CONNECTION_STRING = re.compile(r"(?:^|\s)(host|port)\s*=\s*([^\s']+)")

Repeats = Callable[[Function], bool]
"""Says whether a function runs again and again."""
_Figures = Callable[[Parameter], Worth]
"""Gives what a parameter is given."""


@dataclass(frozen=True, slots=True)
class _Draft:
    """A pool before its places are known."""

    node: cst.CSTNode
    name: str
    made_by: str
    library: str
    size: Size
    figures: _Figures
    address: Address
    group: str = ""
    fallback: bool = False
    per_thread: bool = False
    doubt: Doubt = ""


def find_pools(index: Index, names: Names, repeats: Repeats, with_settings: bool) -> tuple[Pool, ...]:
    """The pools of a module, in source order.

    Args:
        index: the module; its calls have to be listed in `visited`.
        names: look-up.
        repeats: says whether a function runs per request, event or task.
        with_settings: look for settings of which frameworks make pools as well.
    """
    drafts = [*_from_calls(index, names, repeats), *(_from_settings(index, names) if with_settings else ())]
    return _placed(drafts, index)


# ---------------------------------------------------------------- calls


def _from_calls(index: Index, names: Names, repeats: Repeats) -> Iterator[_Draft]:
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


def _from_call(node: cst.Call, call: Call, size: Size, scope: Scope, constants: Constants, repeats: Repeats) -> _Draft:
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
    return _Draft(
        node, name or _made_in(node, scope), made_by, library, size,
        lambda parameter: constants.parameter(node, parameter, scope), address, group, doubt=doubt,
    )  # fmt: skip


def _by_framework(
    node: cst.Call, library: Library, setting: PoolSetting, scope: Scope, constants: Constants, qualified: str
) -> _Draft:
    """What a framework makes with its defaults, where no setting says otherwise."""
    given = given_arguments(node, scope, Objects(constants.names).values)
    mapping = given.argument(setting.keyword) if setting.keyword else None
    found = entries(mapping.node, mapping.scope, Objects(constants.names).values) if mapping and mapping.node else None
    return _Draft(
        node, _name(node, scope) or _made_in(node, scope), qualified, library.name, setting.size,
        _in_entries(found or Entries(more=mapping is not None), constants), Address(server=library.server),
        f"setting:{setting.names[0]}", fallback=mapping is None,
    )  # fmt: skip


def _in_entries(found: Entries, constants: Constants) -> _Figures:
    def figure(parameter: Parameter) -> Worth:
        values = found.named.get(parameter.param, ())
        if not values:
            return Worth(True) if found.more else ABSENT
        return constants.of_values(values)

    return figure


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


# ---------------------------------------------------------------- addresses


def address_of(node: cst.Call, scope: Scope, constants: Constants, server: str = "") -> Address:
    """Where the connections of a call lead: by a URL, a connection string of libpq, or keywords.

    Args:
        node: the call.
        scope: where it stands.
        constants: what is known of expressions.
        server: the kind of server that the library leads to.
    """
    variable, host, port = "", "", 0
    given = given_arguments(node, scope, Objects(constants.names).values)
    named = [(key, value) for key, values in given.named.items() for value in values]
    for key, value in [*(("", v) for v in given.positional), *named]:
        if value.node is None:
            continue
        driver = constants.names.qualify(value.node, value.scope)
        server = server or constants.names.models.server_imports.get(driver, "")  # a driver that is handed over
        text = constants.text(value.node, value.scope)
        read = constants.variable(value.node, value.scope)
        if "://" in text:
            return _parsed(text, read, server)
        if not variable and read and _URL_NAME.search(read):
            variable = read
        if key == "host" and _UNKNOWN not in text:
            host = text
        if key == "port" and text.isdecimal():
            port = int(text)
        for word, given_text in _CONNECTION_STRING.findall(text):
            host = given_text if word == "host" and _UNKNOWN not in given_text else host
            port = int(given_text) if word == "port" and given_text.isdecimal() else port
    return Address(host=host, port=port, variable=variable, server=server)


def _parsed(url: str, variable: str, server: str) -> Address:
    scheme, _, driver = url.partition("://")[0].lower().partition("+")
    try:
        parts = urlsplit(url.replace(_UNKNOWN, "\uffff"))
        host, port = parts.hostname or "", parts.port or 0
    except ValueError:
        host, port = "", 0
    known = "\uffff" not in host
    scheme, driver = ("" if _UNKNOWN in part else part for part in (scheme, driver))
    return Address(scheme, host if known else "", port, variable, server, driver)


# ---------------------------------------------------------------- settings


def _from_settings(index: Index, names: Names) -> Iterator[_Draft]:
    wanted: Mapping[str, tuple[Library, PoolSetting]] = {
        n: (lib, s) for lib, s in names.models.pool_settings for n in s.names
    }
    if not wanted:
        return
    constants = Constants(names)
    for scope in _scopes(index):
        beside: dict[str, Value] = {}
        found: list[tuple[cst.CSTNode, str, Value]] = []
        for name, node, value in _assigned(scope):
            beside[name] = Value(value, scope)
            if name in wanted:
                found.append((node, name, Value(value, scope)))
        for node, name, given in found:
            yield from _from_setting(node, name, *wanted[name], given, beside, constants)


def _scopes(index: Index) -> Iterator[Scope]:
    yield index.scope
    yield from (found.scope for found in index.classes.values())
    yield from (function.scope for function in index.functions.values())


def _assigned(scope: Scope) -> Iterator[tuple[str, cst.CSTNode, cst.BaseExpression]]:
    """What a scope's own code gives names, keys of a configuration, and keywords that update one."""
    node = scope.node
    body = node.body if isinstance(node, (cst.ClassDef, cst.FunctionDef, cst.Lambda)) else node
    for part in descendants(body, into_functions=False):
        match part:
            case cst.Assign(targets=targets, value=value):
                for target in targets:
                    name = _target_name(target.target)
                    if name:
                        yield name, part, value
            case cst.AnnAssign(target=target, value=value) if value is not None:
                yield _target_name(target), part, value
            case cst.Arg(keyword=cst.Name(value=name), value=value):
                yield name, part, value
            case cst.DictElement(key=cst.SimpleString() as key, value=value):
                yield str(key.evaluated_value), part, value


def _target_name(target: cst.BaseExpression) -> str:
    match target:
        case cst.Name(value=name):
            return name
        case cst.Subscript(slice=[cst.SubscriptElement(slice=cst.Index(value=cst.SimpleString() as key))]):
            return str(key.evaluated_value)
    return ""


def _from_setting(
    node: cst.CSTNode,
    name: str,
    library: Library,
    setting: PoolSetting,
    value: Value,
    beside: Mapping[str, Value],
    constants: Constants,
) -> Iterator[_Draft]:
    look_up = Objects(constants.names).values
    if setting.flat:
        flat = Entries({k: (v,) for k, v in beside.items()})
        yield _setting_draft(node, name, name, library, setting, flat, beside, constants)
        return
    found = entries(value.node, value.scope, look_up) if value.node is not None else None
    if not setting.each:
        yield _setting_draft(node, name, name, library, setting, found or Entries(more=True), beside, constants)
        return
    for alias, values in found.named.items() if found else ():
        inner = [e for v in values if v.node is not None and (e := entries(v.node, v.scope, look_up))]
        place = next((v.node for v in values if v.node is not None and v.scope is value.scope), node)
        yield _of_database(place, f"{name}[{alias!r}]", library, setting, inner[0] if inner else Entries(), constants)


def _of_database(
    node: cst.CSTNode, name: str, library: Library, setting: PoolSetting, found: Entries, constants: Constants
) -> _Draft:
    look_up = Objects(constants.names).values
    engine = found.named.get(setting.engine, ())
    kind = constants.of_values(engine).constant if engine else None
    server = setting.engines.get(str(kind.value), "") if kind else library.server
    inner: Entries | None = found
    switched = False
    for key in setting.path:
        values = inner.named.get(key, ()) if inner else ()
        last = values[-1] if values else None
        inner = entries(last.node, last.scope, look_up) if last and last.node is not None else None
        worth = constants.of_values(values).constant if values else None
        switched = worth is not None and worth.value is True
    address = Address(server=server)
    if inner is None and not switched and setting.without == "thread":
        one = Size(max=Parameter(param="", default=1), limit=setting.size.limit)
        return _Draft(
            node, name, name, library.name, one, lambda _: ABSENT, address, f"setting:{name}", per_thread=True
        )
    figures = _in_entries(inner or Entries(), constants)
    return _Draft(node, name, name, library.name, setting.size, figures, address, f"setting:{name}")


def _setting_draft(
    node: cst.CSTNode,
    shown: str,
    name: str,
    library: Library,
    setting: PoolSetting,
    found: Entries,
    beside: Mapping[str, Value],
    constants: Constants,
) -> _Draft:
    url = beside.get(setting.url)
    text = constants.text(url.node, url.scope) if url and url.node is not None else ""
    variable = constants.variable(url.node, url.scope) if url and url.node is not None else ""
    known = "://" in text
    address = _parsed(text, variable, library.server) if known else Address(variable=variable, server=library.server)
    return _Draft(
        node, shown, name, library.name, setting.size, _in_entries(found, constants), address,
        f"setting:{setting.names[0]}",
    )  # fmt: skip


# ---------------------------------------------------------------- places


def _placed(drafts: list[_Draft], index: Index) -> tuple[Pool, ...]:
    figures = [
        (draft, {p: draft.figures(p) for p in (draft.size.max, draft.size.min, draft.size.overflow) if p})
        for draft in drafts
    ]
    spans = _located([Place(d.node, index) for d in drafts] + [
        worth.constant.place for _, worths in figures for worth in worths.values() if worth.constant
    ])  # fmt: skip
    found = [_pool(draft, worths, spans, index.origin.path) for draft, worths in figures if id(draft.node) in spans]
    return tuple(sorted(found, key=lambda pool: (pool.line, pool.column)))


def _located(places: Iterable[Place]) -> dict[int, Span]:
    by_module: dict[int, tuple[Index, list[cst.CSTNode]]] = {}
    for place in places:
        by_module.setdefault(id(place.module), (place.module, []))[1].append(place.node)
    found: dict[int, Span] = {}
    for module, nodes in by_module.values():
        found |= module.locate(nodes)
    return found


def _pool(draft: _Draft, worths: Mapping[Parameter, Worth], spans: Mapping[int, Span], path: str) -> Pool:
    span = spans[id(draft.node)]
    size, unbounded = _amount(draft.size.max, draft, worths, spans)
    overflow, no_overflow_limit = _amount(draft.size.overflow, draft, worths, spans)
    return Pool(
        name=draft.name,
        made_by=draft.made_by,
        library=draft.library,
        path=path,
        line=span.line,
        column=span.column,
        end_line=span.end_line,
        end_column=span.end_column,
        size=size or Amount(None, "unknown"),
        overflow=overflow,
        unbounded=unbounded or no_overflow_limit,
        address=draft.address,
        url_key=draft.size.max.url if draft.size.max else "",
        is_database=draft.size.limit == "database",
        per_thread=draft.per_thread,
        group=draft.group,
        fallback=draft.fallback,
        doubt=draft.doubt,
    )


def _amount(
    parameter: Parameter | None, draft: _Draft, worths: Mapping[Parameter, Worth], spans: Mapping[int, Span]
) -> tuple[Amount | None, str]:
    """A figure, and what removes the limit where there is none."""
    if parameter is None:
        return None, ""
    worth = worths[parameter]
    if worth.constant:
        value, place = worth.constant.value, worth.constant.place
        if parameter.means_no_limit(value):
            return Amount(None, worth.constant.how), f"{parameter.param}={value!r}"
        number = worth.constant.number
        span = spans.get(id(place.node))
        line = span.line if span else 0
        if number is not None:
            how, variable = worth.constant.how, worth.constant.variable
            return Amount(int(number), how, place.module.origin.path, line, variable), ""
        if value is not None:
            return Amount(None, "unknown", place.module.origin.path, line, worth.constant.variable), ""
    elif worth.given:
        return Amount(None, "unknown", variable=worth.variable), ""
    return _default(parameter, draft, worths, spans)


def _default(
    parameter: Parameter, draft: _Draft, worths: Mapping[Parameter, Worth], spans: Mapping[int, Span]
) -> tuple[Amount | None, str]:
    default = parameter.default
    how = f"default of {draft.library}"
    if draft.per_thread:
        return Amount(1, "one connection for each thread"), ""
    if isinstance(default, str):
        other = next((p for p in worths if p.param == default and p is not parameter), None)
        return _amount(other, draft, worths, spans) if other else (Amount(None, f"{how}: {default}"), "")
    if parameter.means_no_limit(default) or (default is None and not parameter.required):
        return Amount(None, how), f"no {parameter.param}"
    if isinstance(default, (int, float)) and not isinstance(default, bool):
        return Amount(int(default), how), ""
    return Amount(None, "unknown"), ""

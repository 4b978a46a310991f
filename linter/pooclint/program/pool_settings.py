"""The pools that frameworks make of settings, so that no call in the program shows their size."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import libcst as cst

from pooclint.models import Library, Parameter, PoolSetting, Size
from pooclint.program.addresses import address_in
from pooclint.program.constants import ABSENT, Constants
from pooclint.program.keywords import Entries, Value, entries
from pooclint.program.names import Names
from pooclint.program.pool_drafts import Draft, figures_in
from pooclint.program.pools import Address
from pooclint.program.scopes import Index, Scope
from pooclint.source.nodes import descendants


def pools_by_settings(index: Index, names: Names) -> Iterator[Draft]:
    """The pools of which a module holds the settings."""
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
) -> Iterator[Draft]:
    look_up = constants.objects.values
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
) -> Draft:
    look_up = constants.objects.values
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
        return Draft(node, name, name, library.name, one, lambda _: ABSENT, address, f"setting:{name}", per_thread=True)
    figures = figures_in(inner or Entries(), constants)
    return Draft(node, name, name, library.name, setting.size, figures, address, f"setting:{name}")


def _setting_draft(
    node: cst.CSTNode,
    shown: str,
    name: str,
    library: Library,
    setting: PoolSetting,
    found: Entries,
    beside: Mapping[str, Value],
    constants: Constants,
) -> Draft:
    url = beside.get(setting.url)
    text = constants.text(url.node, url.scope) if url and url.node is not None else ""
    variable = constants.variable(url.node, url.scope) if url and url.node is not None else ""
    known = "://" in text
    address = address_in(text, variable, library.server) if known else Address(variable=variable, server=library.server)
    return Draft(
        node, shown, name, library.name, setting.size, figures_in(found, constants), address,
        f"setting:{setting.names[0]}",
    )  # fmt: skip

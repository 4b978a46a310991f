"""What is known about a library, in words: how to acquire, release, size and time what it hands out, and its traps."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from pooclint.models import Call, Form, ModelFile, Parameter, Release, Size, Type, parse_release
from pooclint.models.own import CONFIGURED

_VARIABLES = {
    "connection": "conn", "session": "session", "pool": "pool", "engine": "engine", "client": "client",
    "response": "response", "subscription": "subscription", "transaction": "transaction", "cursor": "cursor",
    "factory": "make", "stack": "stack", "app": "app", "value": "it",
}  # fmt: skip
_WAITS = {
    "acquire": "for a free connection", "connect": "for the server to accept", "query": "for a statement",
    "idle": "before an idle one is closed", "lifetime": "before any is replaced", "external": "for a reply",
    "deadline": "for whatever it wraps",
}  # fmt: skip
Types = Mapping[str, Type]


def library_text(file: ModelFile, types: Types) -> str:
    """The page of a library, as Markdown.

    Args:
        file: Its model, with the entries of all versions.
        types: Every modelled type by name and alias: a library may hand out what another one models.
    """
    library = file.library
    parts = [f"# {library.name} {library.version}".rstrip()]
    if library.package and library.package != library.name:
        parts.append(f"Installed as `{library.package}`.")
    sections: list[tuple[str, Iterable[str]]] = [
        ("How to acquire and release", [_acquire(call, types) for call in file.call if call.acquires]),
        ("What `with` does", [text for type_ in file.type for text in _with(type_)]),
        ("What gives the connection back", _given_back(file)),
        ("How it is sized", _sizes(file)),
        ("How long it waits", _times(file)),
        ("Traps", _traps(file)),
        ("Calls that leave the process", _external(file)),
    ]
    for title, lines in sections:
        text = "\n".join(lines)
        if text:
            parts.append(f"## {title}\n\n{text}")
    return "\n\n".join(parts)


def call_names(call: Call) -> list[str]:
    """The qualified names of a call, those of methods with their types."""
    return [*call.names, *(f"{owner}.{method}" for owner in call.on for method in call.methods)]


def default_text(one: Parameter) -> str:
    """The default of a size or a time, for people."""
    if one.required:
        return "required"
    if one.default is None or one.default in one.unbounded:
        return "no limit"
    return f"{one.default}{' ' + one.unit if one.unit and not isinstance(one.default, str) else ''}"


def _versions(requires: str) -> str:
    return f" (version {requires})" if requires else ""


def _variable(kind: str) -> str:
    return _VARIABLES.get(kind, "it")


def _acquire(call: Call, types: Types) -> str:
    type_ = types.get(call.returns)
    kind = type_.kind if type_ else "value"
    owner = types.get(call.on[0]) if call.on else None
    name, source = _variable(kind), _variable(owner.kind if owner else "pool")
    if source == name:
        source = f"parent_{source}"
    keywords = "".join(f"{key}={value!r}, " for key, value in call.only_if.items())
    if call.names:
        expression = f"{call.names[0]}({keywords}...)"
    else:
        method = "" if call.methods[0] == "__call__" else f".{call.methods[0]}"
        expression = f"{source}{method}({keywords}...)"
    lines = [f"- {', '.join(f'`{each}`' for each in call_names(call))}: a {kind}{_versions(call.requires)}"]
    lines += [
        f"    - {line}"
        for line in (*_entered(call, type_, expression, name), *_by_hand(call, type_, expression, name, source))
    ]
    return "\n".join(lines)


def _entered(call: Call, type_: Type | None, expression: str, name: str) -> Iterator[str]:
    """The forms of `with`, the un-awaited one first."""
    form: Form = call.with_form or "none"
    if call.with_form is None and type_ and call.awaited == "no":
        form = type_.with_form
    exit_ = call.exit or (type_.exit if type_ else "releases")
    if form != "none":
        yield from (f"`{word} {expression} as {name}:` {_effect(exit_, call, type_)}" for word in _words(form))
    elif type_ and type_.with_form != "none" and call.awaited != "no":
        for word in _words(type_.with_form):
            yield f"`{word} await {expression} as {name}:` {_effect(type_.exit, call, type_)}"


def _words(form: Form) -> tuple[str, ...]:
    return {"sync": ("with",), "async": ("async with",), "both": ("with", "async with"), "none": ()}[form]


def _effect(exit_: str, call: Call, type_: Type | None) -> str:
    if exit_ == "keeps-open":
        return "**closes nothing**: it ends a transaction at most"
    pooled = call.pooled if call.pooled is not None else bool(type_ and type_.pooled)
    return "gives it back at the end" if pooled else "closes it at the end"


def _by_hand(call: Call, type_: Type | None, expression: str, name: str, source: str) -> Iterator[str]:
    releases = call.release if call.release is not None else (type_.release if type_ else ())
    if call.at == "enter" or not releases:
        return
    target = f"{'_, ' * call.element}{name}{', _' if call.element == 0 else ''}" if call.element >= 0 else name
    ways = ", or ".join(f"`{_written(parse_release(way), name, source)}`" for way in releases)
    yield f"`{target} = {'await ' if call.awaited != 'no' else ''}{expression}`, and in `finally`: {ways}"


def _written(way: Release, name: str, source: str) -> str:
    wait = "await " if way.awaited else ""
    if way.target in ("self", "part"):
        return f"{wait}{name}.{f'{way.through}.' if way.through else ''}{way.name}()"
    return f"{wait}{source}.{way.name}({name})" if way.target == "owner" else f"{wait}{way.name}({name})"


def _with(type_: Type) -> Iterator[str]:
    if type_.kind in ("value", "app", "factory") or (type_.with_form == "none" and not type_.release):
        return
    head = f"- `{type_.name}`{_versions(type_.requires)}"
    if type_.with_form == "none":
        yield f"{head} is no context manager"
        return
    words = " or ".join(f"`{word}`" for word in _words(type_.with_form))
    if type_.kind == "transaction":
        yield f"{head}: {words} ends the transaction, not its connection"
    elif type_.exit == "keeps-open":
        yield f"{head}: {words} ends a transaction at most; it stays open"
    elif type_.kind in ("pool", "engine", "client"):
        yield f"{head}: {words} closes the whole {type_.kind}, not one connection"
    else:
        yield f"{head}: {words} {'gives it back' if type_.pooled else 'closes it'}"


def _given_back(file: ModelFile) -> Iterator[str]:
    for type_ in file.type:
        head = f"- `{type_.name}`{_versions(type_.requires)}"
        if type_.lazy:
            every = "any method" if "*" in type_.checks_out else _listed(type_.checks_out)
            yield f"{head} holds no connection before {every}"
        if type_.checks_in:
            yield f"{head} gives its connection back at {_listed(type_.checks_in)}, before any release"
        if type_.reads_to_end:
            yield f"{head}: reading {_listed(type_.reads_to_end)} to the end gives it back"


def _listed(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _sizes(file: ModelFile) -> Iterator[str]:
    sized = [(call, call.size) for call in file.call if call.size]
    if not sized:
        return
    yield "| constructor | maximum | minimum | overflow | no limit |"
    yield "|---|---|---|---|---|"
    for call, size in sized:
        figures = " | ".join(_figure(one) for one in (size.max, size.min, size.overflow))
        yield f"| `{call_names(call)[0]}`{_versions(call.requires)} | {figures} | {_unbounded(size)} |"


def _figure(one: Parameter | None) -> str:
    return f"`{one.param}`: {default_text(one)}" if one else ""


def _unbounded(size: Size) -> str:
    parameters = [one for one in (size.max, size.overflow) if one]
    return ", ".join(f"`{one.param}={value}`" for one in parameters for value in one.unbounded)


def _times(file: ModelFile) -> Iterator[str]:
    timed = [call for call in file.call if call.timeouts]
    if not timed:
        return
    yield "| call | waits | parameter | default |"
    yield "|---|---|---|---|"
    for call in timed:
        for purpose, one in call.timeouts.items():
            waits = _WAITS.get(purpose, purpose)
            name = f"`{call_names(call)[0]}`{_versions(call.requires)}"
            yield f"| {name} | {waits} | `{one.param}` | {default_text(one)} |"


def _traps(file: ModelFile) -> Iterator[str]:
    """What people run into: what the model's author wrote, and what follows from the facts."""
    if file.library.note and file.library.note != CONFIGURED:
        yield f"- {file.library.note}"
    for type_ in file.type:
        head = f"- A forgotten `{type_.name}`{_versions(type_.requires)}"
        if type_.kind in ("value", "app", "factory") or not type_.release:
            continue
        if type_.reclaimed == "never":
            yield f"{head} is never given back{': its pool is one smaller from then on' if type_.pooled else ''}"
        elif type_.reclaimed == "arrived":
            yield f"{head} is given back once all of it has arrived: what is large, or goes on, never is"
        elif type_.reclaimed == "late":
            yield f"{head} is closed at an unknown time, when the garbage collector finds it"
    for call in file.call:
        waits = call.timeouts.get("acquire")
        if waits and default_text(waits) == "no limit":
            names = f"`{call_names(call)[0]}`{_versions(call.requires)}"
            yield f"- {names} waits for ever for a free connection unless `{waits.param}` is given"
        if call.waits_forever:
            yield f"- `{call_names(call)[0]}`{_versions(call.requires)} waits for ever for a free connection"
        if call.size and call.size.keeps == "min" and call.size.min:
            least = f"those beyond `{call.size.min.param}` are closed as they come back"
            yield f"- `{call_names(call)[0]}`{_versions(call.requires)}: {least}"
        if call.note:
            yield f"- `{call_names(call)[0]}`{_versions(call.requires)}: {call.note}"


def _external(file: ModelFile) -> Iterator[str]:
    for entry in file.external:
        names = [*entry.names, *(f"{owner}.{method}" for owner in entry.on for method in entry.methods)]
        how = "awaited" if entry.io == "await" else "blocking"
        speed = ", usually fast" if entry.fast else ""
        yield f"- {entry.category}, {how}{speed}{_versions(entry.requires)}: {_listed(names)}"

# ruff: noqa: E501 -- programs are lines of text
"""Generated conditions and statements of one line."""

from __future__ import annotations

from oracle.place import Place


def condition(place: Place) -> str:
    """Something to branch on."""
    name = place.name()
    options = [
        "flag(1)", "flag(2)", "a", "not a", "a is None", "a == 1", name, f"{name} is None", f"{name} is not None", f"not {name}",
        f"a and {name}", f"flag(3) or {name} is None", f"{name} is not None and flag(4)", "ok", "not ok", f"(row := flag(7)) or {name}",
        f"not (a or {name})", "a is not None", "a != 1", f"{name} is alias", f"ok and {name}",
    ]  # fmt: skip
    return place.choice(options)


def opaque(place: Place) -> str:
    """A call of code of which nothing is known."""
    if place.asynchronous and place.chance(2):
        return "await astep(1)"
    return place.choice(["step(1)", "step(2)"])


def use(place: Place, name: str) -> str:
    """A use of the connection itself."""
    awaited = "await " if place.resources[name].awaited else ""
    return f"{awaited}{name}.execute('q')"


def acquisition(place: Place, name: str) -> str:
    """An expression that acquires what the name is for."""
    resource = place.resources[name]
    options = [resource.acquire] * 3 + list(resource.makers)
    inner = resource.acquire.removeprefix("await ")
    if resource.awaited and place.chance(4):
        return place.choice(
            [
                f"await asyncio.wait_for({inner}, 1)",
                f"await asyncio.shield({inner})",
                f"(await asyncio.gather({inner}))[0]",
            ]
        )
    return place.choice(options)


def release(place: Place, name: str) -> str:
    """A statement that releases it, in some way."""
    resource = place.resources[name]
    plain = resource.release.format(name)
    if place.chance(5) and resource.droppers:
        return place.choice(resource.droppers).format(name)
    if resource.awaited and place.chance(5):
        inner = plain.removeprefix("await ")
        return place.choice(
            [
                f"await asyncio.wait_for({inner}, 1)",
                f"await asyncio.shield({inner})",
                f"await asyncio.gather({inner}, astep(2))",
            ]
        )
    return plain


def leaving(place: Place) -> list[str]:
    """Statements that leave the block."""
    name = place.name()
    options = ["raise ValueError('x')", "raise fakepool.Error('x')", "raise RuntimeError"]
    if place.in_handler:
        options += ["raise", "raise", "raise ValueError('y') from None"]
    if not place.in_star:
        options += ["return", "if a: return"]
        if place.returns_value:
            options += [
                f"return {name}",
                f"return ({name}, 1)",
                f"return [{name}]",
                f"return {use(place, name)}",
                f"return ok and {name}",
                f"return {name} if ok else None",
            ]
        if place.in_loop:
            options += ["break", "break", "continue", "continue", "if ok: break", f"if {name}: continue"]
    return options


def binding(place: Place) -> list[str]:
    """Statements that bind, rebind and unbind names."""
    name = place.name()
    acquire = acquisition(place, name)
    options = [
        f"{name} = {acquire}", f"{name} = {acquire}", f"alias = {name}", f"{name} = None", f"del {name}", f"{name} = alias", f"alias, ok = {name}, True",
        f"({name} := {acquire})", f"{name} = {name} or {acquire}", f"{name} = {acquire} if a else None", f"{name}, ok = {acquire}, True",
        f"alias = {name} = {acquire}", f"pair = ({name}, 1)", f"held = [{name}]", f"{name}: object = {acquire}", f"row = {acquire} and 1",
        f"[{name}, ok] = [{name}, False]", f"ok = {name} is not None", f"ok = bool({name})",
    ]  # fmt: skip
    if not place.asynchronous:
        options += [
            f"row = [i for i in items(3) if {name}]",
            f"row = [{use(place, name)} for i in items(3)]",
            f"row = {{i: {name}.execute('q') for i in (1, 2)}}",
        ]
    releases = {r.release for r in place.resources.values()}
    if len(place.resources) == 2 and len(releases) == 1:
        options += ["conn, other = other, conn", "other = conn", "conn = other"]
        if place.returns_value and not place.in_star:
            options.append("return conn, other")
    return options


def handing(place: Place) -> list[str]:
    """Statements that hand it to somebody else."""
    name = place.name()
    resource = place.resources[name]
    options = [f"STORE.append({name})", f"box.conn = {name}", f"a = step({name})", f"box.conn, row = {name}, 1"]
    options += [h.format(name) for h in (*resource.users, *resource.droppers)]
    return options


def closing(place: Place) -> list[str]:
    """Nested functions on one line."""
    name = place.name()
    options = [f"later = lambda: {name}.execute('q')", f"later = lambda c={name}: c.execute('q')"]
    if place.returns_value and not place.in_star:
        options += [f"return lambda: {name}"]
    return options


def yielding(place: Place) -> list[str]:
    """Statements that suspend a generator."""
    name = place.name()
    options = [
        "yield 1",
        "yield 1",
        f"yield {name}",
        f"yield {use(place, name)}",
        "row = yield 1",
        f"row = yield ({name}, 2)",
    ]
    if place.shape == "generator":
        options += ["yield from items(4)", f"yield from ({name},)"]
    return options


def simple(place: Place) -> str:
    """A statement on one line."""
    name = place.name()
    drawn = place.random.randrange(20)
    if drawn < 4:
        return release(place, name)
    if drawn < 7:
        return place.choice(leaving(place))
    if drawn < 11:
        return place.choice(binding(place))
    if drawn < 12:
        return place.choice(handing(place))
    if drawn < 15:
        if place.yields:
            return place.choice(yielding(place))
        return use(place, name)
    if drawn < 17:
        return opaque(place)
    if drawn < 18:
        return place.choice(closing(place))
    return place.choice([
        "ok = True", "ok = False", "pass", f"row = {use(place, name)}", "assert a", f"if a: {release(place, name)}", f"alias and {release(place, name)}",
        place.resources[name].release.format("alias"), f"a = 1 if {name} else None", use(place, name),
    ])  # fmt: skip

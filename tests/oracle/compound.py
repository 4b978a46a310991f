# ruff: noqa: E501 -- programs are lines of text
"""Generated statements with blocks: conditions, loops, `try`, `with`, `match`, nested functions, and the correct forms of an acquisition."""

from __future__ import annotations

from oracle.place import Place, indented
from oracle.simple import acquisition, condition, release, simple, use

MAX_DEPTH = 3
CAUGHT = (
    ("Exception",), ("BaseException",), ("",), ("fakepool.Error",), ("ValueError",), ("Exception as error",), ("fakepool.Error", "Exception"),
    ("ValueError", "BaseException"), ("(ValueError, fakepool.Error)",), ("asyncio.CancelledError",), ("KeyError", "Exception"),
    ("asyncio.CancelledError", "Exception"), ("GeneratorExit",), ("GeneratorExit", "Exception"),
)  # fmt: skip
CAUGHT_IN_GROUPS = (
    ("Exception",),
    ("BaseException",),
    ("ValueError",),
    ("fakepool.Error", "Exception"),
    ("ValueError as error", "fakepool.Error"),
    ("(KeyError, ValueError)",),
)
LOOPS = (
    "for i in items(1):",
    "for i in items(2):",
    "while flag(5):",
    "while True:",
    "for i in (1, 2):",
    "for i in range(2):",
    "while not flag(6):",
)


def block(place: Place, least: int = 1, most: int = 3) -> list[str]:
    """Some statements; at least `pass` where one is needed."""
    if place.depth >= MAX_DEPTH:
        return [simple(place)]
    lines: list[str] = []
    for _ in range(place.random.randint(least, most if place.depth < 1 else 2)):
        lines += statement(place)
    return lines or (["pass"] if least else [])


def statement(place: Place) -> list[str]:
    """A statement, on one line or with blocks."""
    if place.depth >= MAX_DEPTH:
        return [simple(place)]
    drawn = place.random.randrange(22)
    if drawn < 2:
        return _if(place)
    if drawn < 5:
        return _try(place)
    if drawn < 6:
        return _loop(place)
    if drawn < 7:
        return _with(place)
    if drawn < 9:
        return managed(place, place.name())
    if drawn < 10:
        return _match(place)
    if drawn < 11:
        return _nested(place)
    if drawn < 12:
        name = place.name()
        return [
            f"if {place.choice([name, f'{name} is not None', f'not {name} is None'])}:",
            *indented([release(place, name)]),
        ]
    return [simple(place)]


def managed(place: Place, name: str) -> list[str]:
    """An acquisition in one of the correct forms; what is inside may spoil it."""
    resource = place.resources[name]
    acquire, give_back = acquisition(place, name), release(place, name)
    inside = block(place.deeper())
    drawn = place.random.randrange(12)
    if drawn < 2:
        return [f"{name} = {acquire}", "try:", *indented(inside), "finally:", *indented([give_back])]
    if drawn == 2:
        test = place.choice([name, f"{name} is not None"])
        return [
            f"{name} = None",
            "try:",
            *indented([f"{name} = {acquire}", *inside]),
            "finally:",
            *indented([f"if {test}:", *indented([give_back])]),
        ]
    if drawn == 3:
        caught = place.choice(["BaseException", "BaseException", "Exception", "fakepool.Error"])
        return [
            f"{name} = {acquire}",
            "try:",
            *indented(inside),
            f"except {caught}:",
            *indented([give_back, "raise"]),
            give_back,
        ]
    if drawn == 4 and resource.direct:
        return [place.choice(resource.direct).format(name), *indented(inside)]
    if drawn == 5 and resource.entered:
        return [f"{name} = {acquire}", resource.entered.format(name), *indented(inside)]
    if drawn == 6:
        test = place.choice(["not ok", "ok"])
        lines = [
            f"{name} = {acquire}",
            "ok = False",
            "try:",
            *indented([*inside, "ok = True"]),
            "finally:",
            *indented([f"if {test}:", *indented([give_back])]),
        ]
        return (
            lines
            if place.in_star or not place.returns_value
            else [*lines, *block(place.deeper(), 0, 1), f"return {name}"]
        )
    if drawn == 7:
        end = place.choice([["raise"], ["return"], []]) if not place.in_star else ["raise"]
        return [
            f"{name} = {acquire}",
            "try:",
            *indented(inside),
            "except Exception:",
            *indented([give_back, *end]),
            "else:",
            *indented([give_back]),
        ]
    if drawn in (8, 9):
        return _stacked(place, name, inside)
    if drawn == 10 and (place.yields or place.shape.endswith("manager")):
        return [
            f"{name} = {acquire}",
            "try:",
            *indented([f"yield {place.choice([name, '1'])}"] if place.yields else inside),
            "finally:",
            *indented([give_back]),
        ]
    return [f"{name} = {acquire}", *inside, give_back]


def _stacked(place: Place, name: str, inside: list[str]) -> list[str]:
    """A stack takes it over."""
    resource = place.resources[name]
    if resource.stacked and place.chance(2):
        lines = [f"{name} = {place.choice(resource.stacked)}"]
    else:
        lines = [
            f"{name} = {acquisition(place, name)}",
            *(["step(1)"] if place.chance(6) else []),
            place.choice(resource.callbacks).format(name),
        ]
    stack, head = (
        ("contextlib.AsyncExitStack()", "async with") if place.asynchronous else ("contextlib.ExitStack()", "with")
    )
    drawn = place.random.randrange(6)
    if drawn == 0 and place.returns_value and not place.in_star:
        return [
            f"{head} {stack} as stack:",
            *indented(
                [
                    *lines,
                    *inside,
                    place.choice(["return stack.pop_all()", "STORE.append(stack.pop_all())", "kept = stack.pop_all()"]),
                ]
            ),
        ]
    if drawn == 1:
        close = "await stack.aclose()" if place.asynchronous else "stack.close()"
        return [f"stack = {stack}", "try:", *indented([*lines, *inside]), "finally:", *indented([close])]
    return [f"{head} {stack} as stack:", *indented([*lines, *inside])]


def _if(place: Place) -> list[str]:
    lines = [f"if {condition(place)}:", *indented(block(place.deeper()))]
    if place.chance(6):
        lines += [f"elif {condition(place)}:", *indented(block(place.deeper()))]
    if place.chance(2):
        lines += ["else:", *indented(block(place.deeper()))]
    return lines


def _try(place: Place) -> list[str]:
    lines = ["try:", *indented(block(place.deeper()))]
    shape = place.choice(["except", "finally", "both", "else"])
    if shape != "finally":
        star = place.modern and place.chance(5)
        for kind in place.choice(CAUGHT_IN_GROUPS if star else CAUGHT):
            inner = place.star() if star else place.deeper(in_handler=True)
            end = place.choice([[], ["raise"], ["return"] if not inner.in_star else [], ["pass"]])
            head = f"except* {kind}:" if star else f"except {kind}:" if kind else "except:"
            lines += [head, *indented([*block(inner, 0, 2), *end] or ["pass"])]
        if shape == "else":
            lines += ["else:", *indented(block(place.deeper()))]
    if shape in ("finally", "both"):
        lines += ["finally:", *indented(block(place.deeper()))]
    return lines


def _loop(place: Place) -> list[str]:
    heads = [*LOOPS]
    resource = place.resources[name := place.name()]
    heads += [h.format(name) for h in resource.loops]
    if place.asynchronous:
        heads += ["async for i in aitems(1):"]
    head = place.choice(heads)
    body = block(place.deeper(in_loop=True))
    if head == "while True:" and "break" not in "".join(body) and place.chance(2):
        body = [*body, "break"]
    lines = [head, *indented(body)]
    if place.chance(4):
        lines += ["else:", *indented(block(place.deeper()))]
    return lines


def _with(place: Place) -> list[str]:
    resource = place.resources[name := place.name()]
    heads = [
        "with contextlib.suppress(Exception):", "with contextlib.suppress(fakepool.Error):", "with contextlib.suppress(ValueError):",
        "with contextlib.suppress(ValueError, fakepool.Error):", f"with contextlib.nullcontext({name}) as alias:", "with contextlib.nullcontext():",
        "with contextlib.closing(fakepool.open()) as extra, contextlib.suppress(Exception):", "with step(3):",
    ]  # fmt: skip
    heads += [h.format(name) for h in (resource.entered, *resource.direct) if h] * 2
    if not place.asynchronous:
        heads += [
            f"with pool.connection() as {name}:",
            f"with contextlib.closing({name}):",
            "with contextlib.closing(fakepool.open()) as extra:",
        ]
        if resource.acquire != "pool.getconn()":
            heads += [f"with {name} as alias:"]
    else:
        heads += ["async with asyncio.TaskGroup() as group:"]
    head = place.choice(heads)
    inside = block(place.deeper())
    if "TaskGroup" in head:
        work = ["group.create_task(astep(3))", "row = group.create_task(astep(4))"]
        if resource.awaited:
            work += [
                f"group.create_task({resource.release.format(name).removeprefix('await ')})",
                f"group.create_task({use(place, name).removeprefix('await ')})",
            ]
        inside = [*inside, place.choice(work)] if place.chance(2) else [place.choice(work), *inside]
    return [head, *indented(inside)]


def _match(place: Place) -> list[str]:
    name = place.name()
    subject, patterns = place.choice([
        ("a", ["None", "0", "1", "1 | 2", "int()", "None | 0"]),
        ("flag(8)", ["True", "False"]),
        (name, ["None", "alias", "fakepool.Connection()"]),
        (f"({name}, a)", ["(None, 1)", "(None, _)", "(other, None)", "(_, 1)", "[alias, row]"]),
        ("items(5)", ["[]", "[i]", "[i, j]"]),
        ("items(6)", ["[]", "[i, *row]"]),
    ])  # fmt: skip
    lines = [f"match {subject}:"]
    for _ in range(place.random.randint(1, 2)):
        guard = f" if {condition(place)}" if place.chance(4) else ""
        pattern = place.choice(patterns)
        if pattern in ("alias", "[alias, row]") and not guard:
            guard = f" if {condition(place)}"
        lines += indented([f"case {pattern}{guard}:", *indented(block(place.deeper()))])
    if place.chance(2):
        lines += indented([f"case {place.choice(['_', '_', 'row'])}:", *indented(block(place.deeper()))])
    return lines


def _nested(place: Place) -> list[str]:
    name = place.name()
    resource = place.resources[name]
    done = resource.release.format(name)
    body = place.choice(
        [
            [done],
            [done],
            [use(place, name)],
            ["try:", *indented([use(place, name)]), "finally:", *indented([done])],
            [f"nonlocal {name}", done, f"{name} = None"],
        ]
    )
    define = [f"{'async ' if resource.awaited else ''}def later():", *indented(body)]
    call = "await later()" if resource.awaited else "later()"
    ends = [
        [call],
        [call],
        ["STORE.append(later)"],
        [],
        ["try:", *indented(block(place.deeper())), "finally:", *indented([call])],
    ]
    if place.returns_value and not place.in_star:
        ends.append(["return later"])
    if not resource.awaited:
        stack = "undo" if place.asynchronous else "stack"  # the other kind has no method that is awaited
        ends.append(
            [
                f"with contextlib.ExitStack() as {stack}:",
                *indented([f"{stack}.callback(later)", *block(place.deeper())]),
            ]
        )
    return [*define, *place.choice(ends)]

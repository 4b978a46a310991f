# ruff: noqa: E501 -- programs are lines of text
"""Generated programs: a function `f` that acquires, uses, releases, and takes every turn that Python offers."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from hypothesis import strategies as st

HEAD = """\
import asyncio
import contextlib
import fakepool
from elsewhere import astep, flag, items, step

STORE = []


"""

HELPERS = {
    "drop": "def drop(c):\n    c.close()\n",
    "give_back": "def give_back(pool: fakepool.Pool, c):\n    pool.putconn(c)\n",
    "look": "def look(c):\n    c.execute('look')\n",
    "keep": "def keep(c):\n    STORE.append(c)\n",
    "drop_if": "def drop_if(c):\n    if c is not None:\n        c.close()\n",
    "make": "def make():\n    return fakepool.connect()\n",
    "make_checked": "def make_checked():\n    c = fakepool.connect()\n    c.execute('check')\n    return c\n",
    "take": "def take(pool: fakepool.Pool):\n    c = pool.getconn()\n    try:\n        c.execute('take')\n    except BaseException:\n        pool.putconn(c)\n        raise\n    return c\n",
    "adrop": "async def adrop(c):\n    await c.close()\n",
    "amake": "async def amake():\n    return await fakepool.aconnect()\n",
    "maybe": "def maybe():\n    if flag(9):\n        return None\n    return fakepool.connect()\n",
}


@dataclass(frozen=True)
class Resource:
    """How one kind of connection is acquired and released."""

    acquire: str
    release: str
    entered: str = ""
    """How `with` manages a held one; `{}` is its name."""
    direct: str = ""
    """What a `with` statement can acquire itself."""
    helpers: tuple[str, ...] = ()
    makers: tuple[str, ...] = ()


SYNC = (
    Resource("fakepool.connect()", "{}.close()", "with {}:", "with fakepool.connect() as {}:", ("drop", "look", "keep", "drop_if"),
             ("make()", "make_checked()", "maybe()")),
    Resource("pool.getconn()", "pool.putconn({})", "with {}:", "with pool.connection() as {}:", ("look", "keep", "give_back"), ("take(pool)",)),
    Resource("fakepool.open()", "{}.close()", "with contextlib.closing({}):", "with contextlib.closing(fakepool.open()) as {}:",
             ("drop", "look", "drop_if")),
)  # fmt: skip
ASYNC = (
    Resource("await fakepool.aconnect()", "await {}.close()", "async with {}:", "", ("adrop",), ("await amake()",)),
    Resource("await apool.acquire()", "await apool.release({})", "", "async with apool.acquire() as {}:"),
    *SYNC[:2],
)


@dataclass(frozen=True)
class Place:
    """Where a statement stands."""

    asynchronous: bool
    resources: dict[str, Resource]
    features: frozenset[str]
    depth: int = 0
    in_loop: bool = False
    in_finally: bool = False
    used: set[str] = field(default_factory=set)

    def deeper(self, **changes: object) -> Place:
        return replace(self, depth=self.depth + 1, **changes)  # type: ignore[arg-type]


def indented(lines: list[str]) -> list[str]:
    return ["    " + line for line in lines]


@st.composite
def functions(draw: st.DrawFn, features: frozenset[str] = frozenset({"helpers", "async", "nested"})) -> str:
    """The source of a program."""
    asynchronous = "async" in features and draw(st.integers(0, 3)) == 0
    kinds = ASYNC if asynchronous else SYNC
    names = ["conn", "other"][: draw(st.sampled_from([1, 1, 2]))]
    resources = {name: draw(st.sampled_from(kinds)) for name in names}
    place = Place(asynchronous, resources, features)
    body = draw(_body(place))
    pools = "pool: fakepool.Pool" + (", apool: fakepool.AsyncPool" if asynchronous else "")
    prefix = "async def" if asynchronous else "def"
    text = "\n".join([f"{prefix} f({pools}, box, a):", *indented(body), ""])
    needed = [source for name, source in HELPERS.items() if f"{name}(" in text]
    return HEAD + "".join(h + "\n\n" for h in needed) + text


@st.composite
def _body(draw: st.DrawFn, place: Place) -> list[str]:
    lines: list[str] = []
    lines += ["ok = False", "alias = None"]
    for name, resource in place.resources.items():
        if draw(st.integers(0, 9)):
            lines += [f"{name} = None"]
        if draw(st.booleans()):
            lines += draw(_managed(place, name, resource))
        if draw(st.integers(0, 3)) == 0:
            lines += draw(_statement(place))
    lines += draw(_block(place, 0, 2))
    return lines or ["pass"]


@st.composite
def _block(draw: st.DrawFn, place: Place, least: int = 1, most: int = 3) -> list[str]:
    if place.depth >= 3:
        return [draw(_simple(place))]
    lines: list[str] = []
    for _ in range(draw(st.integers(least, most if place.depth < 1 else 2))):
        lines += draw(_statement(place))
    return lines or (["pass"] if least else [])


@st.composite
def _managed(draw: st.DrawFn, place: Place, name: str, resource: Resource) -> list[str]:
    """An acquisition in one of the correct forms; what is inside may spoil it."""
    acquire = draw(
        st.sampled_from((resource.acquire, resource.acquire, *(resource.makers if "helpers" in place.features else ())))
    )
    release = resource.release.format(name)
    if "helpers" in place.features and draw(st.integers(0, 4)) == 0:
        release = {"{}.close()": f"drop({name})", "pool.putconn({})": f"give_back(pool, {name})",
                   "await {}.close()": f"await adrop({name})"}.get(resource.release, release)  # fmt: skip
    inside = draw(_block(place.deeper()))
    match draw(st.integers(0, 9)):
        case 0 | 1:
            return [f"{name} = {acquire}", "try:", *indented(inside), "finally:", *indented([release])]
        case 2:
            return [f"{name} = None", "try:", *indented([f"{name} = {acquire}", *inside]), "finally:",
                    *indented([f"if {draw(st.sampled_from([name, f'{name} is not None']))}:", *indented([release])])]  # fmt: skip
        case 3:
            caught = draw(st.sampled_from(["BaseException", "BaseException", "Exception", "fakepool.Error"]))
            return [
                f"{name} = {acquire}",
                "try:",
                *indented(inside),
                f"except {caught}:",
                *indented([release, "raise"]),
                release,
            ]
        case 4 if resource.direct:
            return [resource.direct.format(name), *indented(inside)]
        case 5 if resource.entered:
            return [f"{name} = {acquire}", resource.entered.format(name), *indented(inside)]
        case 6:
            return [f"{name} = {acquire}", "ok = False", "try:", *indented([*inside, "ok = True"]), "finally:",
                    *indented([f"if {draw(st.sampled_from(['not ok', 'ok']))}:", *indented([release])]), *draw(_block(place, 0, 1)), f"return {name}"]  # fmt: skip
        case 7:
            return [f"{name} = {acquire}", "try:", *indented(inside), "except Exception:", *indented([release, *draw(st.sampled_from([["raise"], ["return"], []]))]),
                    "else:", *indented([release])]  # fmt: skip
        case 8 if not place.asynchronous and resource.release == "{}.close()":
            return [
                "with contextlib.ExitStack() as stack:",
                *indented([f"{name} = stack.enter_context(contextlib.closing({acquire}))", *inside]),
            ]
        case _:
            return [f"{name} = {acquire}", *inside, release]


@st.composite
def _condition(draw: st.DrawFn, place: Place) -> str:
    name = draw(st.sampled_from(sorted(place.resources)))
    return draw(
        st.sampled_from(
            ["flag(1)", "flag(2)", "a", "not a", "a is None", "a == 1", name, f"{name} is None", f"{name} is not None", f"not {name}",
             f"a and {name}", f"flag(3) or {name} is None", f"{name} is not None and flag(4)", "ok"]
        )
    )  # fmt: skip


@st.composite
def _simple(draw: st.DrawFn, place: Place) -> str:
    """A statement on one line."""
    name = draw(st.sampled_from(sorted(place.resources)))
    resource = place.resources[name]
    awaited = "await " if resource.acquire.startswith("await") else ""
    opaque = (
        "await astep(1)"
        if place.asynchronous and draw(st.booleans())
        else draw(st.sampled_from(["step(1)", "step(2)"]))
    )
    query = f"{awaited}{name}.execute('q')"
    choices = [
        f"{name} = {resource.acquire}", resource.release.format(name), resource.release.format(name), query, query, opaque, opaque,
        "return", f"return {name}", "raise ValueError('x')", "raise fakepool.Error('x')", f"alias = {name}", f"{name} = None", f"del {name}",
        f"STORE.append({name})", f"box.conn = {name}", "ok = True", "ok = False", f"return ({name}, 1)", f"{name} = alias", f"row = {query}",
        f"alias, ok = {name}, True", f"a = step({name})", f"return {query}", "pass", resource.release.format("alias"),
        f"({name} := {resource.acquire})", f"{name} = {name} or {resource.acquire}", f"{name} = {resource.acquire} if a else None", "assert a",
        f"if a: {resource.release.format(name)}", "if a: return",
    ]  # fmt: skip
    if len(place.resources) == 2 and len({r.release for r in place.resources.values()}) == 1:
        choices += ["conn, other = other, conn", "other = conn", "conn = other", "return conn, other"]
    if place.in_loop:
        choices += ["break", "break", "continue", "continue"]
    if "helpers" in place.features:
        choices += [f"{h}({name})" for h in resource.helpers if h not in ("give_back", "adrop")]
        choices += [f"{name} = {maker}" for maker in resource.makers]
    if "nested" in place.features:
        choices += [f"later = lambda: {name}.execute('q')", f"return lambda: {name}"]
    return draw(st.sampled_from(choices))


@st.composite
def _statement(draw: st.DrawFn, place: Place) -> list[str]:
    deeper = place.deeper()
    if place.depth >= 3:
        return [draw(_simple(place))]
    match draw(st.integers(0, 15)):
        case 0 | 1:
            lines = [f"if {draw(_condition(place))}:", *indented(draw(_block(deeper)))]
            if draw(st.booleans()):
                lines += ["else:", *indented(draw(_block(deeper)))]
            return lines
        case 2 | 3:
            return draw(_try(place))
        case 4:
            return draw(_loop(place))
        case 5:
            return draw(_with(place))
        case 6:
            name = draw(st.sampled_from(sorted(place.resources)))
            return draw(_managed(deeper, name, place.resources[name]))
        case 7:
            name = draw(st.sampled_from(sorted(place.resources)))
            return [f"if {name}:", *indented([place.resources[name].release.format(name)])]
        case 8 if "nested" in place.features and draw(st.integers(0, 2)) == 0:
            return draw(_nested(place))
    return [draw(_simple(place))]


@st.composite
def _try(draw: st.DrawFn, place: Place) -> list[str]:
    deeper = place.deeper()
    lines = ["try:", *indented(draw(_block(deeper)))]
    shape = draw(st.sampled_from(["except", "finally", "both", "else"]))
    if shape != "finally":
        for kind in draw(st.sampled_from(CAUGHT)):
            end = draw(st.sampled_from([[], ["raise"], ["return"], ["pass"]]))
            lines += [
                f"except {kind}:" if kind else "except:",
                *indented([*draw(_block(deeper, 0, 2)), *end] or ["pass"]),
            ]
        if shape == "else":
            lines += ["else:", *indented(draw(_block(deeper)))]
    if shape in ("finally", "both"):
        lines += ["finally:", *indented(draw(_block(deeper)))]
    return lines


CAUGHT = (
    ("Exception",), ("BaseException",), ("",), ("fakepool.Error",), ("ValueError",), ("Exception as error",), ("fakepool.Error", "Exception"),
    ("ValueError", "BaseException"), ("(ValueError, fakepool.Error)",), ("asyncio.CancelledError",), ("KeyError", "Exception"),
    ("asyncio.CancelledError", "Exception"),
)  # fmt: skip


@st.composite
def _loop(draw: st.DrawFn, place: Place) -> list[str]:
    deeper = place.deeper(in_loop=True)
    head = draw(st.sampled_from(["for i in items(1):", "for i in items(2):", "while flag(5):", "while True:", "for i in (1, 2):", "for i in range(2):",
                                 "while not flag(6):"]))  # fmt: skip
    body = draw(_block(deeper))
    if head == "while True:" and "break" not in "".join(body) and draw(st.booleans()):
        body = [*body, "break"]
    lines = [head, *indented(body)]
    if draw(st.integers(0, 3)) == 0:
        lines += ["else:", *indented(draw(_block(place.deeper())))]
    return lines


@st.composite
def _with(draw: st.DrawFn, place: Place) -> list[str]:
    deeper = place.deeper()
    name = draw(st.sampled_from(sorted(place.resources)))
    resource = place.resources[name]
    heads = [
        "with contextlib.suppress(Exception):",
        "with contextlib.suppress(fakepool.Error):",
        "with contextlib.suppress(ValueError):",
    ]
    heads += [h.format(name) for h in (resource.entered, resource.direct) if h]
    if not place.asynchronous:
        heads += [
            f"with pool.connection() as {name}:",
            f"with contextlib.closing({name}):",
            "with contextlib.closing(fakepool.open()) as extra:",
        ]
    return [draw(st.sampled_from(heads)), *indented(draw(_block(deeper)))]


@st.composite
def _nested(draw: st.DrawFn, place: Place) -> list[str]:
    name = draw(st.sampled_from(sorted(place.resources)))
    resource = place.resources[name]
    awaited = resource.release.startswith("await")
    define = [f"{'async ' if awaited else ''}def later():", *indented([resource.release.format(name)])]
    call = "await later()" if awaited else "later()"
    return [*define, *draw(st.sampled_from([[call], [call], ["return later"], ["STORE.append(later)"], []]))]

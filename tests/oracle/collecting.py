"""Generated programs in which connections are put into lists, dictionaries, sets and queues, and taken out again."""

from __future__ import annotations

import re
from random import Random

from oracle.compound import block
from oracle.place import Place, Shape, indented
from oracle.resources import ASYNC, HEAD, HELPERS, SYNC
from oracle.simple import acquisition, release, use

SHAPES: tuple[Shape, ...] = ("function", "function", "coroutine", "generator")
KINDS = ("list", "list", "deque", "set", "dict")
EMPTY = {"list": ("[]", "list()"), "deque": ("deque()",), "set": ("set()",), "dict": ("{}", "dict()")}


def numbered(seed: int, number: int) -> str:
    """The source of a program about a collection."""
    random = Random(f"{seed}:{number}:collections")
    shape = random.choice(SHAPES)
    asynchronous = shape == "coroutine"
    place = Place(random, shape, {"conn": random.choice(ASYNC if asynchronous else SYNC)})
    kind = random.choice(KINDS)
    lines = ["ok = False", "alias = None", "conn = None", f"held = {random.choice(EMPTY[kind])}"]
    for _ in range(random.randint(2, 4)):
        lines += _statement(place, kind)
    if place.yields and "yield" not in "\n".join(lines):
        lines += ["yield 2"]
    pools = "pool: fakepool.Pool" + (", apool: fakepool.AsyncPool" if asynchronous else "")
    head = f"{'async def' if asynchronous else 'def'} f({pools}, box, a):"
    text = "\n".join([head, *indented(lines), ""])
    helpers = "".join(s + "\n\n" for name, s in HELPERS.items() if re.search(rf"\b{name}\b", text))
    return HEAD.replace("import fakepool\n", "import fakepool\nfrom collections import deque\n") + helpers + text


def _statement(place: Place, kind: str) -> list[str]:
    drawn = place.random.randrange(12)
    if drawn < 5:
        return _put(place, kind)
    if drawn < 8:
        return _taken(place, kind)
    if drawn < 9:
        cleaned = _each(place, kind, [release(place, "conn")])
        return ["try:", *indented([*_put(place, kind), *block(place.deeper(), 0, 1)]), "finally:", *indented(cleaned)]
    if drawn < 10:
        return _handed(place, kind)
    return block(place.deeper(), 1, 1)


def _put(place: Place, kind: str) -> list[str]:
    acquire = acquisition(place, "conn")
    add = {"list": "held.append({})", "deque": "held.append({})", "set": "held.add({})", "dict": "held[1] = {}"}[kind]
    each = {"dict": "held[i] = {}"}.get(kind, add)
    made = f"{{i: {acquire} for i in items(2)}}" if kind == "dict" else f"[{acquire} for i in items(2)]"
    return place.choice(
        [
            [add.format(acquire)],
            [f"conn = {acquire}", add.format("conn")],
            [f"conn = {acquire}", use(place, "conn"), add.format("conn")],
            [place.choice(["for i in items(3):", "for i in (1, 2):"]), *indented([each.format(acquire)])],
            [f"held = {made}" if kind in ("list", "dict") else add.format(acquire)],
        ]
    )


def _taken(place: Place, kind: str) -> list[str]:
    give_back = release(place, "conn")
    if kind == "dict" or place.chance(2):
        return _each(place, kind, place.choice([[give_back], [give_back], [use(place, "conn"), give_back]]))
    take = {"list": ["held.pop()", "held.pop(0)"], "deque": ["held.popleft()", "held.pop()"], "set": ["held.pop()"]}
    one = [f"conn = {place.choice(take[kind])}", give_back]
    return place.choice([["while held:", *indented(one)], ["if held:", *indented(one)], one])


def _each(place: Place, kind: str, body: list[str]) -> list[str]:
    heads = ["for conn in held.values():", "for i, conn in held.items():", "for conn in list(held.values()):"]
    plain = ["for conn in held:", "for conn in list(held):", "for i, conn in enumerate(held):"]
    plain += ["for conn in reversed(held):"] if kind != "set" else []
    return [place.choice(heads if kind == "dict" else plain), *indented(body)]


def _handed(place: Place, kind: str) -> list[str]:
    options = ["STORE.append(held)", "box.held = held", "held.clear()", "held = None", "del held", "alias = held"]
    if kind != "dict":
        options += [f"row = [{use(place, 'conn')} for conn in held]"]
    if place.returns_value:
        options += ["return held", "if a: return held", "return list(held)" if kind != "dict" else "return held"]
    if place.yields:
        options += ["yield held", "yield 1"]
    return [place.choice(options)]

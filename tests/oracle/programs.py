"""Generated programs: a function `f` that acquires, uses, releases, and takes every turn that Python offers.

A program has a number: the same number of the same seed is the same program, whichever process makes it.
"""

from __future__ import annotations

import re
import sys
from random import Random
from typing import get_args

from oracle.compound import block, managed, statement
from oracle.place import Place, Shape, indented
from oracle.resources import ASYNC, HEAD, HELPERS, SYNC

SHAPES: tuple[Shape, ...] = get_args(Shape)
WEIGHTS = (8, 5, 2, 1, 2, 1)
DECORATORS: dict[Shape, str] = {
    "manager": "@contextlib.contextmanager",
    "async manager": "@contextlib.asynccontextmanager",
}
_YIELD = re.compile(r"\byield\b")


def numbered(seed: int, number: int) -> str:
    """The source of a program."""
    return program(Random(f"{seed}:{number}"))


def program(random: Random) -> str:
    """The source of a program."""
    shape = random.choices(SHAPES, WEIGHTS)[0]
    asynchronous = shape.startswith("async") or shape == "coroutine"
    names = ["conn", "other"][: random.choice([1, 1, 2])]
    resources = {name: random.choice(ASYNC if asynchronous else SYNC) for name in names}
    place = Place(random, shape, resources, modern=sys.version_info >= (3, 11))
    lines = _body(place)
    decorators = [DECORATORS[shape]] if shape in DECORATORS and random.randrange(4) else []
    pools = "pool: fakepool.Pool" + (", apool: fakepool.AsyncPool" if asynchronous else "")
    head = f"{'async def' if asynchronous else 'def'} f({pools}, box, a):"
    text = "\n".join([*decorators, head, *indented(lines), ""])
    return HEAD + "".join(source + "\n\n" for name, source in HELPERS.items() if re.search(rf"\b{name}\b", text)) + text


def _body(place: Place) -> list[str]:
    lines = ["ok = False", "alias = None"]
    for name in place.resources:
        if not place.chance(10):
            lines += [f"{name} = None"]
        if place.chance(2):
            lines += managed(place, name)
        if place.chance(4):
            lines += statement(place)
    lines += block(place, 0, 2)
    if place.shape.endswith("manager"):
        return _yielding_once(place, lines)
    if place.yields and not any(_YIELD.search(line) for line in lines):
        lines += ["yield 2"]
    return lines


def _yielding_once(place: Place, lines: list[str]) -> list[str]:
    """A manager yields at one place: that of one of its uses or calls, where there is one outside loops."""
    options = [
        i
        for i, line in enumerate(lines)
        if re.fullmatch(r" *(pass|step\(\d\)|await astep\(1\)|(await )?\w+\.execute\('q'\))", line)
        and not _in_loop(lines, i)
    ]
    value = place.choice(["yield", f"yield {place.name()}"])
    if not options:
        return [*lines, value]
    at = place.choice(options)
    indent = len(lines[at]) - len(lines[at].lstrip())
    return [*lines[:at], " " * indent + value, *lines[at + 1 :]]


def _in_loop(lines: list[str], at: int) -> bool:
    """Whether a line stands in a loop or a nested function."""
    indent = len(lines[at]) - len(lines[at].lstrip())
    for line in reversed(lines[:at]):
        outer = len(line) - len(line.lstrip())
        if outer < indent:
            indent = outer
            if re.match(r" *(async )?(for|while|def)\b", line):
                return True
    return False

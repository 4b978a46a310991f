# ruff: noqa: SIM102 -- one condition a question
"""Makes a program smaller while it still shows what it is kept for."""

from __future__ import annotations

import ast
import copy
from collections.abc import Callable, Iterator

_BLOCKS = ("body", "orelse", "finalbody", "handlers", "cases", "items")


def minimise(source: str, shows: Callable[[str], bool], rounds: int = 1500) -> str:
    """The smallest program that removing statements, and blocks around statements, leads to.

    Args:
        source: a program for which `shows` is true.
        shows: whether a program still shows it; called with valid Python only.
        rounds: how many candidates are tried.
    """
    tree = ast.parse(source)
    yields = is_generator(source)
    tried = 0
    progress = True
    while progress and tried < rounds:
        progress = False
        for candidate in _smaller(tree):
            tried += 1
            if tried >= rounds:
                break
            text = ast.unparse(ast.fix_missing_locations(candidate))
            try:
                compile(text, "<candidate>", "exec", dont_inherit=True)
            except (SyntaxError, ValueError):
                continue
            if is_generator(text) == yields and not reads_unbound(text) and shows(text):
                tree = ast.parse(text)
                progress = True
                break
    return ast.unparse(_without_idle_helpers(tree))


def _without_idle_helpers(tree: ast.Module) -> ast.Module:
    """The module without functions that its last one does not mention."""
    used = {n.id for n in ast.walk(tree.body[-1]) if isinstance(n, ast.Name)}
    kept = [
        s for s in tree.body if not isinstance(s, (ast.FunctionDef, ast.AsyncFunctionDef)) or s.name in (*used, "f")
    ]
    return ast.Module(kept, [])


def _smaller(tree: ast.Module) -> Iterator[ast.Module]:
    """Programs with one statement less, with a block in place of its statement, or with a simpler part."""
    own = {id(n) for n in ast.walk(tree.body[-1])}  # imports and helpers stay
    places = [
        (index, name)
        for index, node in enumerate(ast.walk(tree))
        for name in _BLOCKS
        if id(node) in own and isinstance(getattr(node, name, None), list)
    ]
    for index, name in places:
        count = len(getattr(_nth(tree, index), name))
        size = count
        while size:
            for position in range(0, count, size):
                yield _edited(tree, index, name, position, None, size)
            size //= 2
        for position in range(count):
            statement = getattr(_nth(tree, index), name)[position]
            for inner in _BLOCKS[:3]:
                if isinstance(getattr(statement, inner, None), list) and getattr(statement, inner):
                    if not isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef)):
                        yield _edited(tree, index, name, position, inner)


def _nth(tree: ast.Module, index: int) -> ast.AST:
    return next(node for i, node in enumerate(ast.walk(tree)) if i == index)


def _edited(tree: ast.Module, index: int, name: str, position: int, inner: str | None, size: int = 1) -> ast.Module:
    """A copy with statements removed, or one replaced by one of its blocks."""
    changed = copy.deepcopy(tree)
    block = getattr(_nth(changed, index), name)
    if any(isinstance(s, ast.Nonlocal) for s in block[position : position + size]) and not inner:
        return changed
    block[position : position + size] = getattr(block[position], inner) if inner else []
    owner = _nth(changed, index)
    if name == "body" and not block and not isinstance(owner, ast.Module):
        block.append(ast.Pass())
    return changed


def is_generator(source: str) -> bool:
    """Whether the last function yields."""
    return any(isinstance(n, (ast.Yield, ast.YieldFrom)) for n in ast.walk(ast.parse(source).body[-1]))


def reads_unbound(source: str) -> bool:
    """Whether a function reads a name above every line that binds it: such a program says nothing of interest."""
    for function in ast.parse(source).body:
        if not isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef)):
            continue
        names = [n for n in ast.walk(function) if isinstance(n, ast.Name)]
        bound: dict[str, int] = {a.arg: 0 for a in function.args.args}
        for node in ast.walk(function):
            name = _bound_name(node)
            if name:
                bound[name] = min(bound.get(name, node.lineno), node.lineno)  # type: ignore[attr-defined]
        if any(not isinstance(n.ctx, ast.Store) and n.lineno <= bound.get(n.id, -1) for n in names if n.id in LOCALS):
            return True
        if any(n.id in LOCALS and n.id not in bound for n in names):
            return True
    return False


def _bound_name(node: ast.AST) -> str | None:
    match node:
        case ast.Name(id=name, ctx=ast.Store()):
            return name
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.arg(arg=name):
            return name
        case ast.MatchAs(name=name) | ast.MatchStar(name=name):
            return name
    return None


LOCALS = frozenset(
    {"conn", "other", "alias", "ok", "row", "extra", "later", "stack", "kept", "pair", "held", "group", "i", "j"}
)

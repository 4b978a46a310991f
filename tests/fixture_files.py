"""The fixtures of the rules: what they expect, and the ways to write the same file differently."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import libcst as cst

FIXTURES = Path(__file__).parent / "fixtures"
LIBRARIES = FIXTURES / "libraries"
"""One file for each model that acquires something, under the model's name: code that loses it, code that keeps it."""

# `# expect: CNX102` is reported by default; `# expect-wide:` only when every severity and confidence is asked for;
# `# any:` may be reported, `# any-wide:` only when everything is asked for. `CNX103|CNX105` is either of the two.
# `# later:` names a rule that does not exist yet and is not compared.
_MARK = re.compile(r"#\s*(?P<kind>expect|expect-wide|any|any-wide):\s*(?P<codes>CNX\d{3}(?:[,|]\s*CNX\d{3})*)")
_OPTION = re.compile(r"^#\s*pooclint-fixture:\s*(?P<name>[\w-]+)\s*=\s*(?P<value>\S+)\s*$", re.MULTILINE)

Place = tuple[int, str]


@dataclass(frozen=True, slots=True)
class Expectations:
    """The places, (line, code), that a fixture names."""

    always: tuple[tuple[int, frozenset[str]], ...] = ()
    wide: tuple[tuple[int, frozenset[str]], ...] = ()
    allowed: frozenset[Place] = field(default_factory=frozenset)
    allowed_wide: frozenset[Place] = field(default_factory=frozenset)


def fixture_name(path: Path) -> str:
    """The name of a fixture in test reports: `CNX101_never_released`, `libraries/redis`."""
    return path.relative_to(FIXTURES).with_suffix("").as_posix()


def expectations(source: str) -> Expectations:
    """What the comments of a fixture say, by line."""
    always: list[tuple[int, frozenset[str]]] = []
    wide: list[tuple[int, frozenset[str]]] = []
    allowed: set[Place] = set()
    allowed_wide: set[Place] = set()
    for number, line in enumerate(source.splitlines(), start=1):
        for mark in _MARK.finditer(line):
            groups = [frozenset(code.strip() for code in part.split("|")) for part in mark["codes"].split(",")]
            if mark["kind"] == "expect":
                always += [(number, codes) for codes in groups]
            elif mark["kind"] == "expect-wide":
                wide += [(number, codes) for codes in groups]
            else:
                places = {(number, code) for codes in groups for code in codes}
                (allowed if mark["kind"] == "any" else allowed_wide).update(places)
    return Expectations(tuple(always), tuple(wide), frozenset(allowed), frozenset(allowed_wide))


def options(source: str) -> dict[str, str]:
    """Configuration that the head of a fixture asks for."""
    return {match["name"]: match["value"] for match in _OPTION.finditer(source)}


def differences(source: str, found: set[Place], wide: bool) -> list[str]:
    """The lines on which what was found is not what was expected, each with its text; none when all is well.

    Args:
        source: The text that was checked, with its comments.
        found: Line and code of each finding.
        wide: True when every severity and confidence was asked for.
    """
    expected = expectations(source)
    required = expected.always + (expected.wide if wide else ())
    missing = [(line, codes) for line, codes in required if not any((line, code) in found for code in codes)]
    known = {(line, code) for line, codes in required for code in codes}
    known |= expected.allowed | (expected.allowed_wide if wide else frozenset())
    lines = source.splitlines()
    reports = [(line, f"missing    {'|'.join(sorted(codes))}") for line, codes in missing]
    reports += [(line, f"unexpected {code}") for line, code in found - known]
    return [f"line {line}: {text}   {lines[line - 1].strip()}" for line, text in sorted(reports)]


def with_aliased_imports(source: str) -> str:
    """The same code with another name for everything that it imports at the top (`import asyncpg as asyncpg_alias`)."""
    module = _parse(source)
    if module is None:
        return source
    plain = _imported_names(module) - _bound_names(module)
    return module.visit(_Alias(plain)).code


def with_local_imports(source: str) -> str:
    """The same code with each import moved into the functions that use it, where nothing else does."""
    module = _parse(source)
    if module is None:
        return source
    outside = _Names(into_functions=False)
    module.visit(outside)
    movable = _imported_names(module) - _bound_names(module) - outside.names
    return module.visit(_MoveImports(movable)).code


def with_crlf(source: str) -> str:
    """The same code with the line ends of Windows."""
    return source.replace("\n", "\r\n")


def with_noqa(source: str, found: set[Place]) -> str:
    """The same code with a suppression on each line that has a finding."""
    lines = source.splitlines(keepends=True)
    for number in sorted({line for line, _ in found}):
        codes = ",".join(sorted(code for line, code in found if line == number))
        text = lines[number - 1]
        body = text.rstrip("\r\n")
        lines[number - 1] = f"{body}  # noqa: {codes}{text[len(body) :]}"
    return "".join(lines)


VARIANTS: dict[str, Callable[[str], str]] = {
    "as written": str,
    "aliased imports": with_aliased_imports,
    "local imports": with_local_imports,
    "CRLF": with_crlf,
}


def _parse(source: str) -> cst.Module | None:
    try:
        return cst.parse_module(source)
    except cst.ParserSyntaxError:
        return None


def _import_lines(module: cst.Module) -> Iterator[cst.Import | cst.ImportFrom]:
    for statement in module.body:
        if isinstance(statement, cst.SimpleStatementLine):
            for part in statement.body:
                if isinstance(part, (cst.Import, cst.ImportFrom)) and _is_plain(part):
                    yield part


def _is_plain(statement: cst.Import | cst.ImportFrom) -> bool:
    """No star, no `__future__`, and nothing that binds the first of several names (`import psycopg2.pool`)."""
    if isinstance(statement.names, cst.ImportStar):
        return False
    if isinstance(statement, cst.ImportFrom) and isinstance(statement.module, cst.Name):
        return statement.module.value != "__future__"
    return all(isinstance(name.name, cst.Name) for name in statement.names)


def _imported_names(module: cst.Module) -> set[str]:
    return {
        name.evaluated_alias or name.evaluated_name
        for statement in _import_lines(module)
        if not isinstance(statement.names, cst.ImportStar)
        for name in statement.names
    }


def _bound_names(module: cst.Module) -> set[str]:
    """Names that something other than the imports of `_import_lines` binds somewhere: those are left alone."""
    names: set[str] = set()

    class Bound(cst.CSTVisitor):
        def visit_Param(self, node: cst.Param) -> None:
            names.add(node.name.value)

        def visit_AssignTarget(self, node: cst.AssignTarget) -> None:
            names.update(_target_names(node.target))

        def visit_AsName(self, node: cst.AsName) -> None:
            names.update(_target_names(node.name))

        def visit_FunctionDef(self, node: cst.FunctionDef) -> None:
            names.add(node.name.value)

        def visit_ClassDef(self, node: cst.ClassDef) -> None:
            names.add(node.name.value)

        def visit_Import(self, node: cst.Import) -> bool:
            names.update(name.evaluated_name.split(".")[0] for name in node.names if "." in name.evaluated_name)
            return False

        def visit_ImportFrom(self, node: cst.ImportFrom) -> bool:
            return False

    module.visit(Bound())
    return names


def _target_names(node: cst.CSTNode) -> set[str]:
    if isinstance(node, cst.Name):
        return {node.value}
    if isinstance(node, (cst.Tuple, cst.List)):
        return {name for element in node.elements for name in _target_names(element.value)}
    return set()


class _Names(cst.CSTVisitor):
    """Names that code reads; with `into_functions=False` only those that are read while the module is imported."""

    def __init__(self, into_functions: bool) -> None:
        super().__init__()
        self.names: set[str] = set()
        self._into_functions = into_functions

    def visit_FunctionDef(self, node: cst.FunctionDef) -> bool:
        if self._into_functions:
            return True
        for part in (node.params, *node.decorators, *([node.returns] if node.returns else [])):
            part.visit(self)
        return False

    def visit_Import(self, node: cst.Import) -> bool:
        return False

    def visit_ImportFrom(self, node: cst.ImportFrom) -> bool:
        return False

    def visit_Attribute(self, node: cst.Attribute) -> bool:
        node.value.visit(self)
        return False

    def visit_Arg(self, node: cst.Arg) -> bool:
        node.value.visit(self)
        return False

    def visit_Name(self, node: cst.Name) -> None:
        self.names.add(node.value)


class _Alias(cst.CSTTransformer):
    def __init__(self, names: set[str]) -> None:
        super().__init__()
        self._names = names

    def leave_Attribute(self, original_node: cst.Attribute, updated_node: cst.Attribute) -> cst.Attribute:
        # Every name below a node is renamed before the node is left; this one is no name of the module.
        return updated_node.with_changes(attr=original_node.attr)

    def leave_Arg(self, original_node: cst.Arg, updated_node: cst.Arg) -> cst.Arg:
        return updated_node.with_changes(keyword=original_node.keyword)

    def visit_Import(self, node: cst.Import) -> bool:
        return False

    def visit_ImportFrom(self, node: cst.ImportFrom) -> bool:
        return False

    def leave_Import(self, original_node: cst.Import, updated_node: cst.Import) -> cst.Import:
        return updated_node.with_changes(names=[self._renamed(name) for name in updated_node.names])

    def leave_ImportFrom(self, original_node: cst.ImportFrom, updated_node: cst.ImportFrom) -> cst.ImportFrom:
        if isinstance(updated_node.names, cst.ImportStar):
            return updated_node
        return updated_node.with_changes(names=[self._renamed(name) for name in updated_node.names])

    def leave_Name(self, original_node: cst.Name, updated_node: cst.Name) -> cst.Name:
        if updated_node.value in self._names:
            return updated_node.with_changes(value=f"{updated_node.value}_alias")
        return updated_node

    def _renamed(self, name: cst.ImportAlias) -> cst.ImportAlias:
        bound = name.evaluated_alias or name.evaluated_name
        if bound not in self._names:
            return name
        return name.with_changes(asname=cst.AsName(name=cst.Name(f"{bound}_alias")))


class _MoveImports(cst.CSTTransformer):
    def __init__(self, names: set[str]) -> None:
        super().__init__()
        self._names = names
        self._statements: dict[str, cst.Import | cst.ImportFrom] = {}
        self._depth = 0

    def visit_Module(self, node: cst.Module) -> None:
        for statement in _import_lines(node):
            assert not isinstance(statement.names, cst.ImportStar)
            for name in statement.names:
                bound = name.evaluated_alias or name.evaluated_name
                if bound in self._names:
                    single = name.with_changes(comma=cst.MaybeSentinel.DEFAULT)
                    flat = statement.with_changes(names=[single])
                    if isinstance(flat, cst.ImportFrom):
                        flat = flat.with_changes(lpar=None, rpar=None)
                    self._statements[bound] = flat

    def visit_FunctionDef(self, node: cst.FunctionDef) -> None:
        self._depth += 1

    def leave_FunctionDef(self, original_node: cst.FunctionDef, updated_node: cst.FunctionDef) -> cst.FunctionDef:
        self._depth -= 1
        if self._depth or not isinstance(updated_node.body, cst.IndentedBlock):
            return updated_node
        used = _Names(into_functions=True)
        original_node.body.visit(used)
        imports = [self._statements[name] for name in sorted(used.names & self._statements.keys())]
        lines = [cst.SimpleStatementLine(body=[statement]) for statement in imports]
        return updated_node.with_changes(body=updated_node.body.with_changes(body=[*lines, *updated_node.body.body]))

    def leave_Import(self, original_node: cst.Import, updated_node: cst.Import) -> cst.Import | cst.RemovalSentinel:
        return self._without_moved(updated_node)

    def leave_ImportFrom(
        self, original_node: cst.ImportFrom, updated_node: cst.ImportFrom
    ) -> cst.ImportFrom | cst.RemovalSentinel:
        return self._without_moved(updated_node)

    def _without_moved(self, node: Any) -> Any:
        if self._depth or isinstance(node.names, cst.ImportStar):
            return node
        kept = [name for name in node.names if (name.evaluated_alias or name.evaluated_name) not in self._statements]
        if not kept:
            return cst.RemoveFromParent()
        kept[-1] = kept[-1].with_changes(comma=cst.MaybeSentinel.DEFAULT)
        return node.with_changes(names=kept)

"""Which files to check: paths and folders in, Python files with their configuration out."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import pathspec

from pooclint.config import Config, ConfigFinder

# Never a project's own source; no setting brings them back, naming them on the command line does.
ALWAYS_EXCLUDED = frozenset(
    {
        ".bzr",
        ".direnv",
        ".git",
        ".hg",
        ".hypothesis",
        ".ipynb_checkpoints",
        ".mypy_cache",
        ".nox",
        ".pytest_cache",
        ".ruff_cache",
        ".svn",
        ".tox",
        ".venv",
        "__pycache__",
        "__pypackages__",
        "node_modules",
        "site-packages",
    }
)


class UsageError(ValueError):
    """The call itself is wrong (a path that does not exist); the text says how."""


@dataclass(frozen=True, slots=True)
class Source:
    """A file to check. `problem` is set when it, or the folder `path`, cannot be read."""

    path: Path
    display: str
    config: Config
    problem: str = ""


@dataclass(frozen=True, slots=True)
class _Ignores:
    """The ignore patterns of one folder."""

    folder: str
    spec: pathspec.GitIgnoreSpec


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder that was looked into, and the names of the files in it that were looked for."""

    path: Path
    files: tuple[str, ...]
    config: Config
    problem: str = ""
    """Why it cannot be read."""


def visit(root: Path, config: Config, wanted: Callable[[str], bool]) -> Iterator[Folder]:
    """The folders of a project, with the files that are wanted and that nothing leaves out.

    Args:
        root: The project's folder.
        config: What applies to all of it.
        wanted: Says of a file's name whether it is looked for.
    """
    ignores = _outer_ignores(root)
    excluded_itself = _excluded_folder(str(root), config)
    yield from _visit(root, lambda _: config, ignores, excluded_itself, lambda entry: wanted(entry.name))


def discover(paths: Sequence[str], finder: ConfigFinder, force_exclude: bool = False) -> Iterator[Source]:
    """Finds the files to check, each once, in a stable order.

    A file that is named is always checked, unless `force_exclude` says otherwise (hooks hand over files nobody typed).

    Args:
        paths: Files and folders as the user named them; none is the working directory.
        finder: Finds the configuration of each.
        force_exclude: Apply the exclusions to named files too.

    Raises:
        UsageError: a path does not exist.
        ConfigError: a configuration file on the way has a mistake.
    """
    named = [Path(path) for path in paths or (".",)]
    missing = [str(path) for path in named if not _exists(path)]
    if missing:
        raise UsageError(f"no such file or folder: {', '.join(missing)}")
    seen: set[str] = set()
    for path in named:
        for source in _from_path(path, finder, force_exclude):
            key = os.path.abspath(source.path)
            if key not in seen:
                seen.add(key)
                yield source


def _exists(path: Path) -> bool:
    try:
        os.lstat(path)
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return False
    except OSError:
        # It may be there; reading it will say what is wrong.
        return True
    return True


def display_path(path: str | os.PathLike[str]) -> str:
    """The path as reports show it: relative to the working directory where it lies inside, `/` between its parts."""
    text = os.path.normpath(os.fspath(path))
    if os.path.isabs(text):
        relative = os.path.relpath(text)
        if not relative.startswith(os.pardir):
            text = relative
    return text.replace(os.sep, "/")


def is_test_path(display: str) -> bool:
    """Whether a file is test code, by its path as reports show it."""
    *folders, name = display.split("/")
    if display.startswith("/"):
        # An absolute path says where somebody keeps a project: only the folder the file is in speaks for it.
        folders = folders[-1:]
    if name == "conftest.py" or name.startswith("test_") or name.endswith("_test.py"):
        return True
    return "tests" in folders


def is_excluded(path: Path, config: Config) -> bool:
    """Whether the configuration leaves a file out. Patterns are read as in `.gitignore`, from its folder."""
    return _left_out_test(os.fspath(path), config) or _excluded_file(os.path.abspath(path), config)


def _excluded_file(target: str, config: Config) -> bool:
    spec = _compile((*config.settings.exclude, *config.settings.extend_exclude))
    relative = relative_to(target, str(config.root))
    return relative is not None and spec.check_file(relative).include is True


@lru_cache(maxsize=256)
def _compile(patterns: tuple[str, ...]) -> pathspec.GitIgnoreSpec:
    return pathspec.GitIgnoreSpec.from_lines(patterns)


def _from_path(path: Path, finder: ConfigFinder, force_exclude: bool) -> Iterator[Source]:
    absolute = Path(os.path.abspath(path))
    if not os.path.isdir(path):
        config = finder.for_folder(absolute.parent)
        if force_exclude and (is_excluded(absolute, config) or ALWAYS_EXCLUDED.intersection(path.parts)):
            return
        yield Source(path, display_path(path), config)
        return
    ignores = _outer_ignores(absolute)
    if _ignored(str(absolute), True, ignores):
        # The folder was named on purpose; what keeps it out of the repository does not keep it out of the check.
        ignores = ()
    excluded_itself = _excluded_folder(str(absolute), finder.for_folder(absolute))
    yield from _walk(path, finder, ignores, excluded_itself)


def _walk(folder: Path, finder: ConfigFinder, ignores: tuple[_Ignores, ...], no_excludes: bool) -> Iterator[Source]:
    for visited in _visit(folder, finder.for_folder, ignores, no_excludes, _is_source):
        shown = display_path(visited.path)
        if visited.problem:
            yield Source(visited.path, shown, visited.config, visited.problem)
            continue
        above = "" if shown == "." else shown if shown.endswith("/") else f"{shown}/"
        for name in visited.files:
            yield Source(visited.path / name, f"{above}{name}", visited.config)


def _visit(
    folder: Path,
    config_of: Callable[[Path], Config],
    ignores: tuple[_Ignores, ...],
    no_excludes: bool,
    wanted: Callable[[os.DirEntry[str]], bool],
) -> Iterator[Folder]:
    """A folder and those in it, with the files that are wanted and that nothing leaves out."""
    absolute = os.path.abspath(folder)
    config = config_of(Path(absolute))
    try:
        with os.scandir(folder) as listing:
            entries = sorted(listing, key=lambda entry: entry.name)
    except OSError as error:
        yield Folder(folder, (), config, error.strerror or str(error))
        return
    ignores = (*ignores, *_read_ignores(absolute, os.path.join(absolute, ".gitignore")))
    folders: list[Path] = []
    files: list[str] = []
    for entry in entries:
        target = os.path.join(absolute, entry.name)
        if _is_folder(entry):
            if not _skipped_folder(entry, target, config, ignores, no_excludes):
                folders.append(folder / entry.name)
        elif wanted(entry) and not _ignored(target, False, ignores):
            left_out = _left_out_test(target, config) or (not no_excludes and _excluded_file(target, config))
            if not left_out:
                files.append(entry.name)
    yield Folder(folder, tuple(files), config)
    for inner in folders:
        yield from _visit(inner, config_of, ignores, no_excludes, wanted)


def _left_out_test(target: str, config: Config) -> bool:
    return config.settings.exclude_tests and is_test_path(display_path(target))


def _is_folder(entry: os.DirEntry[str]) -> bool:
    # Links to folders are not followed: they lead in circles, and to files that are checked where they are.
    try:
        return entry.is_dir(follow_symlinks=False)
    except OSError:
        return False


def _is_source(entry: os.DirEntry[str]) -> bool:
    # `.#name.py` is an editor's lock, a dangling link on purpose.
    if not entry.name.endswith(".py") or entry.name.startswith(".#"):
        return False
    try:
        return stat.S_ISREG(entry.stat().st_mode)
    except OSError:
        # A dangling link, or a file that may not even be looked at: reading it gives the reason.
        return True


def _skipped_folder(
    entry: os.DirEntry[str], target: str, config: Config, ignores: Iterable[_Ignores], no_excludes: bool
) -> bool:
    if entry.name in ALWAYS_EXCLUDED or os.path.exists(os.path.join(target, "pyvenv.cfg")):
        return True
    if _ignored(target, True, ignores):
        return True
    return not no_excludes and _excluded_folder(target, config)


def _excluded_folder(target: str, config: Config) -> bool:
    relative = relative_to(target, str(config.root))
    if relative in (None, "."):
        return False
    spec = _compile((*config.settings.exclude, *config.settings.extend_exclude))
    return spec.check_file(f"{relative}/").include is True


def relative_to(target: str, root: str) -> str | None:
    """`target` as seen from the folder `root`, with `/` between its parts; None where it is outside."""
    if target == root:
        return "."
    prefix = root if root.endswith(os.sep) else root + os.sep
    return target[len(prefix) :].replace(os.sep, "/") if target.startswith(prefix) else None


def _ignored(target: str, folder: bool, ignores: Iterable[_Ignores]) -> bool:
    decision = False
    for one in ignores:
        relative = relative_to(target, one.folder)
        if relative is None or relative == ".":
            continue
        include = one.spec.check_file(f"{relative}/" if folder else relative).include
        # The innermost file that says anything has the last word.
        decision = decision if include is None else include
    return decision


def _read_ignores(folder: str, file: str) -> tuple[_Ignores, ...]:
    try:
        with open(file, encoding="utf-8", errors="replace") as stream:
            lines = stream.read().splitlines()
    except OSError:
        return ()
    valid = [line for line in lines if _is_pattern(line)]
    return (_Ignores(folder, pathspec.GitIgnoreSpec.from_lines(valid)),) if valid else ()


def _is_pattern(line: str) -> bool:
    try:
        pathspec.GitIgnoreSpec.from_lines([line])
    except ValueError:
        return False
    return bool(line.strip())


def _outer_ignores(folder: Path) -> tuple[_Ignores, ...]:
    """The patterns that the folders above `folder` give, up to the repository they belong to, outermost first."""
    above = list(folder.parents)
    for place, parent in enumerate((folder, *above)):
        if not os.path.exists(parent / ".git"):
            continue
        exclude = _read_ignores(str(parent), str(parent / ".git" / "info" / "exclude"))
        between = [_read_ignores(str(outer), str(outer / ".gitignore")) for outer in reversed(above[:place])]
        return (*exclude, *(one for group in between for one in group))
    return ()

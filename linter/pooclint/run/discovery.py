"""Which files to check: paths and folders in, Python files with their configuration out."""

from __future__ import annotations

import os
import re
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
        ".pooclint_cache",
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


_LITERAL_END = re.compile(r"[^*?\[\]\\/]*$")
"""The end of a pattern that stands for nothing but itself."""


class UsageError(ValueError):
    """The call itself is wrong (a path that does not exist); the text says how."""


@dataclass(frozen=True, slots=True)
class Source:
    """A file to check. `problem` is set when it, or the folder of that path, cannot be read."""

    place: str
    """Its path, below what the user named."""
    display: str
    """Its path as reports show it."""
    config: Config
    problem: str = ""
    file: str = ""
    """Its absolute path."""

    def __post_init__(self) -> None:
        if not self.file:
            object.__setattr__(self, "file", os.path.abspath(self.place))

    @property
    def path(self) -> Path:
        """Its path, below what the user named."""
        return Path(self.place)


@dataclass(frozen=True, slots=True)
class _Ignores:
    """The ignore patterns of one folder."""

    folder: str
    patterns: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder that was looked into, and the names of the files in it that were looked for."""

    path: str
    absolute: str
    files: tuple[str, ...]
    config: Config
    problem: str = ""
    """Why it cannot be read."""

    @property
    def above(self) -> str:
        """What stands before the names of those files in their paths."""
        return _above(self.path)


def visit(root: str, config: Config, wanted: Callable[[str], bool]) -> Iterator[Folder]:
    """The folders of a project, with the files that are wanted and that nothing leaves out.

    Args:
        root: The project's folder, absolute.
        config: What applies to all of it.
        wanted: Says of a file's name whether it is looked for.
    """
    ignores = _outer_ignores(Path(root))
    no_excludes = _is_left_out(root, config, is_folder=True)
    yield from _visit(root, root, _Wanted(lambda _: config, lambda entry: wanted(entry.name)), ignores, no_excludes)


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
            if source.file not in seen:
                seen.add(source.file)
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
    if name in ("conftest.py", "tests.py") or name.startswith("test_") or name.endswith("_test.py"):
        return True
    return not {"test", "tests"}.isdisjoint(folders)


def is_excluded(path: Path, config: Config) -> bool:
    """Whether the configuration leaves a file out. Patterns are read as in `.gitignore`, from its folder."""
    return _left_out_test(os.fspath(path), config) or _is_left_out(os.path.abspath(path), config)


def _is_left_out(target: str, config: Config, is_folder: bool = False) -> bool:
    relative = relative_to(target, str(config.root))
    if relative is None or (is_folder and relative == "."):
        return False
    include = _compile(_excludes(config)).check_file(f"{relative}/" if is_folder else relative).include
    return include is True


def _excludes(config: Config) -> tuple[str, ...]:
    return (*config.settings.exclude, *config.settings.extend_exclude)


@lru_cache(maxsize=256)
def _compile(patterns: tuple[str, ...]) -> pathspec.GitIgnoreSpec:
    return pathspec.GitIgnoreSpec.from_lines(patterns)


@lru_cache(maxsize=256)
def _about_files(patterns: tuple[str, ...], ending: str) -> tuple[str, ...]:
    """Of patterns, those that can matter to a file whose folders they do not leave out, and whose name ends so: most
    are about folders and other files, and there are many files."""
    if any(pattern.startswith("!") for pattern in patterns):  # which of them comes last matters then
        return patterns
    lasts = ((pattern, _LITERAL_END.findall(pattern.rstrip())[0]) for pattern in patterns)
    return tuple(p for p, last in lasts if p.rstrip()[-1:] != "/" and (last.endswith(ending) or ending.endswith(last)))


def _from_path(path: Path, finder: ConfigFinder, force_exclude: bool) -> Iterator[Source]:
    absolute = Path(os.path.abspath(path))
    if not os.path.isdir(path):
        config = finder.for_folder(absolute.parent)
        if force_exclude and (is_excluded(absolute, config) or ALWAYS_EXCLUDED.intersection(path.parts)):
            return
        yield Source(str(path), display_path(path), config, file=str(absolute))
        return
    ignores = _outer_ignores(absolute)
    if _ignored(str(absolute), True, ignores):
        # The folder was named on purpose; what keeps it out of the repository does not keep it out of the check.
        ignores = ()
    no_excludes = _is_left_out(str(absolute), finder.for_folder(absolute), is_folder=True)
    wanted = _Wanted(finder.for_folder, _is_source, ".py")
    for visited in _visit(str(path), str(absolute), wanted, ignores, no_excludes):
        shown = display_path(visited.path)
        if visited.problem:
            yield Source(visited.path, shown, visited.config, visited.problem)
            continue
        above, shown_above = visited.above, "" if shown == "." else shown if shown.endswith("/") else f"{shown}/"
        file_above = _above(visited.absolute)
        for name in visited.files:
            yield Source(above + name, shown_above + name, visited.config, file=file_above + name)


def _above(folder: str) -> str:
    """What stands before a name in the path of something in a folder."""
    if folder == os.curdir:
        return ""
    return folder if folder.endswith(os.sep) else folder + os.sep


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What is looked for."""

    config_of: Callable[[Path], Config]
    """Gives the configuration of an absolute folder."""
    is_wanted: Callable[[os.DirEntry[str]], bool]
    """Says of a file whether it is looked for."""
    ending: str = ""
    """How the name of what is looked for ends."""


def _visit(
    folder: str, absolute: str, wanted: _Wanted, ignores: tuple[_Ignores, ...], no_excludes: bool
) -> Iterator[Folder]:
    """A folder and those in it, with the files that are wanted and that nothing leaves out.

    Args:
        folder: its path, as the user named it.
        absolute: its absolute path.
        wanted: what is looked for.
        ignores: what the folders above say.
        no_excludes: True where the configuration leaves nothing out.
    """
    config = wanted.config_of(Path(absolute))
    try:
        with os.scandir(folder) as listing:
            entries = sorted(listing, key=lambda entry: entry.name)
    except OSError as error:
        yield Folder(folder, absolute, (), config, error.strerror or str(error))
        return
    if any(entry.name == ".gitignore" for entry in entries):
        ignores = (*ignores, *_read_ignores(absolute, os.path.join(absolute, ".gitignore")))
    of_files = [_Ignores(i.folder, kept) for i in ignores if (kept := _about_files(i.patterns, wanted.ending))]
    excludes = () if no_excludes else _about_files(_excludes(config), wanted.ending)
    above, absolute_above = _above(folder), _above(absolute)
    folders: list[str] = []
    files: list[str] = []
    for entry in entries:
        target = absolute_above + entry.name
        if _is_folder(entry):
            if not _skipped_folder(entry, target, config, ignores, no_excludes):
                folders.append(entry.name)
        elif wanted.is_wanted(entry) and not _ignored(target, False, of_files):
            left_out = _left_out_test(target, config) or (bool(excludes) and _is_left_out(target, config))
            if not left_out:
                files.append(entry.name)
    yield Folder(folder, absolute, tuple(files), config)
    for name in folders:
        yield from _visit(above + name, absolute_above + name, wanted, ignores, no_excludes)


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
        return entry.is_file() or stat.S_ISREG(entry.stat().st_mode)  # usually, the listing has said it already
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
    return not no_excludes and _is_left_out(target, config, is_folder=True)


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
        include = _compile(one.patterns).check_file(f"{relative}/" if folder else relative).include
        # The innermost file that says anything has the last word.
        decision = decision if include is None else include
    return decision


def _read_ignores(folder: str, file: str) -> tuple[_Ignores, ...]:
    try:
        with open(file, encoding="utf-8", errors="replace") as stream:
            lines = stream.read().splitlines()
    except OSError:
        return ()
    valid = tuple(line for line in lines if _is_pattern(line))
    return (_Ignores(folder, valid),) if valid else ()


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

"""What a result rests on: the files and folders that were looked at, and what questions about the project found.

What is reported of a file rests on whatever was consulted while it was checked. An answer that comes from a memo was
consulted for by whoever asked first: it carries what it rests on with it (`program/circles.py`), as a number with a bit
for each thing, since such sets are joined at every answer.
"""

from __future__ import annotations

import hashlib
import os
import re
import stat
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from pooclint.source.parts import Parts

Kind = Literal["origin", "top", "child", "importers", "imports", "methods", "names", "versions", "deployment"]


OF_CONTENT: frozenset[Kind] = frozenset({"names", "methods", "imports"})
"""Questions about the content of a file."""


OF_LOOKUPS: frozenset[Kind] = frozenset({"origin", "top", "child"})
"""Questions about where modules stand; what a file imports rests on those that are asked for it."""


class State(NamedTuple):
    """How a file or folder stood when it was read."""

    size: int
    modified: int
    """Nanoseconds; 0 where the time says nothing, and only the content can be compared."""
    changed: int
    digest: bytes
    """Of a file's bytes, or of the names in a folder."""


class Question(NamedTuple):
    """Something that was asked about the project, in words that mean the same in every run."""

    kind: Kind
    place: str
    """A file or folder."""
    name: str = ""


Answer = tuple[str, ...]

_SIGNS = "\0signs"
_SIGN = re.compile(r"\.git|\.hg|setup\.py|requirements.*|.*\.(?:toml|cfg|lock)")
"""Names that say what a folder is: the root of a repository or project, and where its dependencies are written down."""
_LEFT_BEHIND = frozenset(
    {
        ".coverage",
        ".hypothesis",
        ".mypy_cache",
        ".pooclint_cache",
        ".pytest_cache",
        ".ruff_cache",
        "__pycache__",
    }
)
"""What running a program or a tool leaves in a folder: nothing is concluded from its being there."""


class Use(NamedTuple):
    """Content of a file that something rests on."""

    path: str
    name: str
    """What of it matters: something that the module binds, `CODE` of `source/parts.py`, or all of it."""


Dependency = Use | Question

WHOLE = ""
"""In place of a name: all of a file, lines and comments included."""

GONE = State(-1, 0, 0, b"")
"""What cannot be read. That is a fact too: somebody may put it there."""


def _signs_of(folder: str) -> str:
    """What stands for the signs in a folder, where one would name a folder. Above a project, where others keep what is
    theirs, nothing else matters."""
    return f"{folder}{_SIGNS}"


def is_covered(place: str, folders: Collection[str]) -> bool:
    """True for the signs in a folder of which all names are known."""
    return place.endswith(_SIGNS) and place.removesuffix(_SIGNS) in folders


@dataclass(slots=True)
class Learned:
    """What was consulted since somebody last asked for it."""

    files: dict[str, State] = field(default_factory=dict)
    folders: dict[str, State] = field(default_factory=dict)
    """Folders, and what stands for the signs in one."""
    answers: dict[Question, Answer] = field(default_factory=dict)
    asked: list[tuple[str, Question]] = field(default_factory=list)
    """The file on whose behalf, and what."""
    rests: dict[str, tuple[Dependency, ...]] = field(default_factory=dict)
    """By file that was checked, what its report rests on besides its own content and what was asked on its behalf."""
    parts: dict[tuple[str, str], bytes] = field(default_factory=dict)
    """Digests of what was used of modules, by file and name."""


@dataclass(slots=True)
class Consulted:
    """The door to the file system for whatever concerns other files than the one that is checked."""

    kept: bool = True
    """False when nobody keeps what rests on it: then nothing is noted."""
    resting: int = 0
    """What was consulted since whoever wants to know began, a bit for each."""
    _numbers: dict[Dependency, int] = field(default_factory=dict)
    """Which bit stands for what."""
    _numbered: list[Dependency] = field(default_factory=list)
    """The same, the other way round."""
    _learned: Learned = field(default_factory=Learned)
    _files: dict[str, State] = field(default_factory=dict)
    _folders: dict[str, State] = field(default_factory=dict)
    _seen: set[tuple[str, Question]] = field(default_factory=set)
    _cut: dict[str, Parts] = field(default_factory=dict)
    _contents: dict[tuple[str, str], bytes] = field(default_factory=dict)

    def read(self, path: str) -> bytes | None:
        """A file's bytes; None when it cannot be read, or is none (whoever reads a pipe waits for who writes to it)."""
        try:
            if not stat.S_ISREG(os.stat(path).st_mode):
                self._note(path, GONE)
                return None
            return self.read_bytes(path)
        except (OSError, ValueError):
            return None

    def read_bytes(self, path: str, known_as: str = "") -> bytes:
        """A file's bytes.

        Args:
            path: where it is.
            known_as: its absolute path, when `path` is another way to write it.

        Raises:
            OSError: it cannot be read.
            ValueError: no file can have that name.
        """
        try:
            if not self.kept:
                with open(path, "rb") as file:
                    return file.read()
            data, state = read_file(path)
        except (OSError, ValueError):
            self._note(known_as or path, GONE)
            raise
        self._note(known_as or path, state)
        return data

    def listing(self, folder: str) -> list[str]:
        """The names in a folder, in order, without what tools leave behind; none when it cannot be read."""
        return self._listing(folder)

    def signs(self, folder: str) -> list[str]:
        """Of the names in a folder, those that may say that it is a project's, and what the project depends on."""
        return self._listing(_signs_of(folder))

    def _listing(self, place: str) -> list[str]:
        names, state = list_folder(place)
        if self.kept and self._folders.get(place) != state:
            self._folders[place] = self._learned.folders[place] = state
        return names

    def is_new(self, asker: str, question: Question) -> bool:
        """True when it is not noted yet that a file asks something."""
        return self.kept and (asker, question) not in self._seen

    def asked(self, asker: str, question: Question, answer: Answer) -> None:
        """Note a question that is asked on behalf of a file, whatever it is looked into for: where a module stands that
        it imports, and what that module offers it. Who rests on anything in the file rests on the first kind, too.

        Args:
            asker: the file.
            question: what is asked.
            answer: what is answered.
        """
        if self.is_new(asker, question):
            self._seen.add((asker, question))
            self._learned.asked.append((asker, question))
            self._learned.answers[question] = answer

    def used(self, path: str, name: str = WHOLE, data: bytes = b"") -> None:
        """Note that the content of a file matters.

        Args:
            path: the file.
            name: what of it, as in `Use`.
            data: its bytes, where somebody has them.
        """
        if self._rests_on(Use(path, name)) and name != WHOLE:
            self._contents[path, name] = data

    def answered(self, question: Question, answer: Callable[[], Answer]) -> None:
        """Note that an answer about the content of a file, or about who imports it, matters; it is worked out where
        nobody has noted it."""
        if self._rests_on(question):
            self._learned.answers[question] = answer()

    def _rests_on(self, dependency: Dependency) -> bool:
        """Note that what is being worked out rests on something; true when nothing did before."""
        if not self.kept:
            return False
        number = self._numbers.get(dependency)
        new = number is None
        if number is None:
            number = self._numbers[dependency] = len(self._numbered)
            self._numbered.append(dependency)
        self.resting |= 1 << number
        return new

    def begin(self) -> None:
        """Begin with the check of a file."""
        self.resting = 0

    def checked(self, path: str) -> None:
        """Note that what was consulted since `begin` is what the report of a file rests on."""
        if self.kept and path:
            self._learned.rests[path] = tuple(self._numbered[number] for number in _bits(self.resting))

    def take(self) -> Learned:
        """What was noted since the last call."""
        found, self._learned = self._learned, Learned()
        if not self._contents:
            return found
        from pooclint.source.parts import parts

        for (path, name), given in self._contents.items():
            known = self._cut.get(path)
            if known is None or (given and known.data != given):
                known = self._cut[path] = parts(given or self.read(path) or b"")
            found.parts[path, name] = known.of(name)
        self._contents.clear()
        return found

    def _note(self, path: str, state: State) -> None:
        if self.kept and self._files.get(path) != state:
            self._files[path] = self._learned.files[path] = state


def read_file(path: str) -> tuple[bytes, State]:
    """A file's bytes, and its state.

    Raises:
        OSError: it cannot be read.
        ValueError: no file can have that name.
    """
    with open(path, "rb") as file:
        status = os.fstat(file.fileno())  # before the bytes: a later change is seen the next time
        data = file.read()
    return data, State(status.st_size, status.st_mtime_ns, status.st_ctime_ns, _digest(data))


def list_folder(place: str) -> tuple[list[str], State]:
    """The names in a folder that matter, in order, and its state.

    Args:
        place: the folder, or what stands for the signs in it.
    """
    folder = place.removesuffix(_SIGNS)
    try:
        status = os.stat(folder)
        found = os.listdir(folder)
    except (OSError, ValueError):
        return [], GONE
    if folder != place:
        found = [name for name in found if _SIGN.fullmatch(name)]
    names = sorted(name for name in found if name not in _LEFT_BEHIND)
    digest = _digest("\0".join(names).encode("utf-8", "surrogateescape"))
    return names, State(0, status.st_mtime_ns, status.st_ctime_ns, digest)


def file_now(path: str, known: State) -> State:
    """The state of a file; the same object when it need not be read to know that."""
    try:
        status = os.stat(path)
        if not stat.S_ISREG(status.st_mode):
            return known if known == GONE else GONE
        if known.modified and (status.st_size, status.st_mtime_ns, status.st_ctime_ns) == known[:3]:
            return known
        return read_file(path)[1]
    except (OSError, ValueError):
        return known if known == GONE else GONE


def folder_now(place: str, known: State) -> State:
    """The state of a folder, or of the signs in it; as `file_now`."""
    try:
        status = os.stat(place.removesuffix(_SIGNS))
        if known.modified and (status.st_mtime_ns, status.st_ctime_ns) == known[1:3]:
            return known
    except (OSError, ValueError):
        return known if known == GONE else GONE
    return list_folder(place)[1]


def _bits(number: int) -> Iterator[int]:
    """The places of the bits that are set."""
    while number:
        lowest = number & -number
        yield lowest.bit_length() - 1
        number ^= lowest


def _digest(data: bytes) -> bytes:
    return hashlib.blake2b(data, digest_size=16).digest()

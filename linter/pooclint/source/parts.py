"""What of a module somebody rests on who uses one of its names: digests that do not change with the rest of it.

A module that is used is seldom used whole. Its frame (imports, assignments) matters to all users; of its definitions
only the one that is asked for, and those that it and the others have to do with. Comments and blank lines matter to
nobody, lines only to who names them.
"""

from __future__ import annotations

import hashlib
import io
import re
import tokenize
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from pooclint.source.pieces import Pieces, cut

CODE = "*"
"""In place of a name: all of a module, without comments and blank lines."""

_WORD = re.compile(rb"[A-Za-z_]\w*")
# `pool.default = connection`, `pools[key] = connection`, and what fills a collection.
_STORES = re.compile(
    rb"^[ \t]*(\w+)(?:\.\w+|\[[^\]\n]*\])+[ \t]*(?::[^=\n]+)?[-+|&]?=(?!=)"
    rb"|\b(\w+)(?:\.\w+|\[[^\]\n]*\])*\.(?:append|appendleft|add|setdefault|update|insert|extend|put|put_nowait)\(",
    re.MULTILINE,
)
_LAYOUT = re.compile(rb"#|^[ \t]*\r?\n", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Parts:
    """The digests of a module."""

    frame: bytes
    definitions: Mapping[str, bytes] = field(default_factory=dict)
    """Of each definition, with all that it is connected to."""
    whole: bytes = b""
    """What was cut."""

    def of(self, name: str) -> bytes:
        """What somebody rests on who uses a name, whether the module binds it or not, or `CODE`."""
        if name == CODE and self.whole:
            return _digest([_code(self.whole)])
        return self.definitions.get(name, self.frame)


def parts(data: bytes) -> Parts:
    """The digests of a module's bytes; of one that cannot be cut, all are that of the whole."""
    pieces = cut(data)
    if pieces is None:
        return Parts(_digest([data]))
    texts = {name: _code(piece.text) for name, piece in pieces.definitions.items()}
    groups = _connected(pieces, texts)
    inherent = {groups[name] for name in pieces.mentioned if name in groups}
    members: dict[str, list[bytes]] = {}
    for name, text in texts.items():
        members.setdefault(groups[name], []).append(text)
    frame = _digest([_code(pieces.frame.text), *(t for group in sorted(inherent) for t in members[group])])
    own = {group: frame if group in inherent else _digest([frame, *found]) for group, found in members.items()}
    return Parts(frame, {name: own[group] for name, group in groups.items()}, data)


def _code(text: bytes) -> bytes:
    """A text without its comments and blank lines; what looks like one in a string stays."""
    if not _LAYOUT.search(text):
        return text
    lines = list(io.StringIO(text.decode(), newline=""))
    read = iter(lines)
    try:
        tokens = list(tokenize.generate_tokens(lambda: next(read, "")))
    except (tokenize.TokenError, SyntaxError):
        return text
    for token in tokens:
        row, column = token.start[0] - 1, token.start[1]
        if token.type == tokenize.COMMENT:
            lines[row] = lines[row][:column].rstrip() + lines[row][token.end[1] :]
        elif token.type == tokenize.NL and not lines[row].strip():
            lines[row] = ""
    return "".join(lines).encode()


def _connected(pieces: Pieces, texts: Mapping[str, bytes]) -> dict[str, str]:
    """For each definition, one that stands for all that it is connected to.

    Two are connected when one mentions the other, or when both mention a name of the frame through which one of them
    stores something.
    """
    heads = {name: name for name in texts}

    def head(name: str) -> str:
        while heads[name] != name:
            heads[name] = name = heads[heads[name]]
        return name

    words = {name: {w.decode() for w in _WORD.findall(text)} for name, text in texts.items()}
    stored = {(a or b).decode() for text in texts.values() for a, b in _STORES.findall(text)} & pieces.bound
    users: dict[str, str] = {}
    for name in texts:
        for word in words[name]:
            if word in heads:
                heads[head(name)] = head(word)
            elif word in stored:
                heads[head(name)] = head(users.setdefault(word, name))
    return {name: head(name) for name in texts}


def _digest(texts: Iterable[bytes]) -> bytes:
    digest = hashlib.blake2b(digest_size=12)
    for text in texts:
        digest.update(len(text).to_bytes(8, "big") + text)
    return digest.digest()

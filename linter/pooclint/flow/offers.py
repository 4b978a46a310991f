"""What the names that a file imports from its project lead to: whether it can get hold of anything through them.

Bytes say which names of a module mention what acquires (`program/exports.py`); most of these acquire, release, and hand
nothing to their callers. Whether they do is looked up here once, so that the files that import them need no parse.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import partial

from pooclint.flow.analysis import Analysis
from pooclint.program.circles import Memo
from pooclint.program.constructions import POOLED, Constructions
from pooclint.program.exports import Exports
from pooclint.program.imports import Target
from pooclint.program.names import Names
from pooclint.program.places import Origin
from pooclint.program.scopes import Class, Function

Known = Memo[tuple[str, Origin], frozenset[str]]
"""By qualified name and where it is looked up from: the words of which a file that gets anything through that name
contains one. They are empty where nobody can; `""`, which every file contains, stands where its mention is enough."""

_ANYWAY = frozenset({""})
_NOTHING = frozenset[str]()
_Node = Function | Class


@dataclass(slots=True)
class _Facts:
    """What a function or class gives by itself, and through which words it leads to another."""

    words: frozenset[str] = _NOTHING
    leads: tuple[tuple[str, _Node], ...] = ()


@dataclass(slots=True)
class Offers:
    """Look-up of what imported names lead to. Its only state is a memo."""

    names: Names
    analysis: Analysis
    constructions: Constructions
    exports: Exports
    known: Known
    """Outlives the trees from which it was concluded."""
    _facts: Memo[int, _Facts] = field(default_factory=dict)

    def forget(self) -> None:
        """Forget what was concluded from trees."""
        self._facts.clear()

    def matter(self, path: str, data: bytes) -> bool:
        """True when a file may get hold of something through what it imports from its project."""
        outline = self.exports.outline(path, data)
        origin = self.exports.places.origin(path)
        looked = False
        for stands, qualified in self.exports.leading(path, data):
            if not outline.mentioning((stands,)):
                continue
            if not looked and outline.contains(self.names.models.distinctive):
                return True  # by its name alone, whatever it is called on
            looked = True
            words = self._words(qualified, origin)
            if "" in words or outline.contains(words):
                return True
        return False

    def _words(self, qualified: str, origin: Origin) -> frozenset[str]:
        key = (qualified, Origin("", "", origin.roots, origin.project))
        return self.names.circles.once(self.known, key, lambda: self._looked_up(qualified, origin))

    def _looked_up(self, qualified: str, origin: Origin) -> frozenset[str]:
        # Whoever gets to know the answer rests on where modules stand that were looked for here.
        lookup = os.path.join(os.path.dirname(origin.path), f"\0{qualified}")
        self.exports.places.consulted.used(lookup)
        return self._found(self.names.target(qualified, replace(origin, path=lookup)))

    def _found(self, target: Target | None) -> frozenset[str]:
        if target is None:
            return _NOTHING
        if target.name:
            return self._of_library(target.name)
        if target.defined:
            return self._through(target.defined)
        if target.scope is None:
            return _NOTHING
        if self.names.is_injection(target):
            return _ANYWAY
        return self._of_types(self.names.types_of(target))

    def _of_library(self, qualified: str) -> frozenset[str]:
        """What whoever has that name of a library gets through it: of a module, what the library acquires by."""
        models = self.names.models
        if models.calls(qualified) or models.type(qualified):
            return _ANYWAY
        root = qualified.partition(".")[0]
        return _NOTHING.union(*(words for roots, words in models.prefilter_words() if root in roots))

    def _of_types(self, types: tuple[str, ...]) -> frozenset[str]:
        """What whoever has an object of one of these types gets through it."""
        found = _NOTHING
        for type_name in types:
            owner = self.names.local_class(type_name)
            found |= self._through(owner) if owner else _ANYWAY if type_name else _NOTHING
        return found

    def _through(self, node: _Node) -> frozenset[str]:
        """What a file that can name a function or class gets through it."""
        facts = self._of(node)
        found = facts.words
        for word, other in facts.leads:
            if word:
                found |= {word} if self._gives(other) else _NOTHING
            elif other is not node and self._gives(other):
                # Of what a function returns, the words are looked for; of what that returns in turn, any will do.
                found |= self._of(other).words | {w for w, _ in self._of(other).leads}
        return found

    def _gives(self, node: _Node) -> bool:
        """True when anything can be got through it, however far."""
        todo, seen = [node], {id(node)}
        while todo:
            facts = self._of(todo.pop())
            if facts.words:
                return True
            for _, other in facts.leads:
                if id(other) not in seen:
                    seen.add(id(other))
                    todo.append(other)
        return False

    def _of(self, node: _Node) -> _Facts:
        work = partial(self._of_class, node) if isinstance(node, Class) else partial(self._of_function, node)
        return self.names.circles.once(self._facts, id(node), work)

    def _of_function(self, function: Function) -> _Facts:
        if self.analysis.hands_over(function) or self.analysis.leaves_in_use(function) or self._builds(function):
            return _Facts(_ANYWAY)
        types = (self.names.returned_type(function), self.names.yielded_type(function))
        owners = [self.names.local_class(t) for t in types]
        if any(t and not owner for t, owner in zip(types, owners, strict=True)):
            return _Facts(_ANYWAY)
        return _Facts(leads=tuple(("", owner) for owner in owners if owner))

    def _builds(self, function: Function) -> bool:
        """True when it builds something with connections of its own: who calls it again and again has many of them."""
        return any(True for _ in self.constructions.below(function, POOLED))

    def _of_class(self, owner: Class) -> _Facts:
        if self.names.modelled_base(owner) or self.analysis.owned(owner):
            return _Facts(_ANYWAY)
        words: set[str] = set()
        leads: list[tuple[str, _Node]] = []
        for word, types in self._members(owner):
            for type_name in types:
                other = self.names.local_class(type_name)
                if other:
                    leads.append((word, other))
                elif type_name:
                    words.add(word)
        for current in self.names.ancestors(owner):
            for name, method in current.methods.items():
                facts = self._of_function(method)
                word = "" if name.startswith("__") else name
                words |= {word} if facts.words else _NOTHING
                leads += [(word, other) for _, other in facts.leads]
        return _Facts(frozenset(words), tuple(leads))

    def _members(self, owner: Class) -> Iterator[tuple[str, tuple[str, ...]]]:
        """Attributes, and their types as far as they are known."""
        own = self.names.local_type(owner)
        for current in self.names.ancestors(owner):
            for name in dict.fromkeys((*current.attributes, *current.scope.bindings)):
                yield name, (self.names.attribute_type(own, name),)

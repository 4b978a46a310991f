"""Which names may still be read at each place of a function: what is known of the others tells no states apart.

The classical backward analysis. Python's blocks nest, so it is one pass over the statements and no fixpoint: what is
read from a loop's head on is what its body reads before it assigns it, and what is read after the loop. Wherever that
is simpler, a name is taken to be read.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import reduce
from operator import or_

import libcst as cst

from pooclint.flow.completions import States
from pooclint.flow.states import State, names_of
from pooclint.flow.values import COLLECTIONS, ENTERED, KEY, MORE, Fate
from pooclint.program.scopes import Function
from pooclint.source.nodes import body_of, dotted, operands, variables

Names = int
"""A set of names: a bit for each. Long functions have thousands of names, and a set for each statement."""
_DEEP = frozenset({"locals", "vars", "dir", "eval", "exec"})
"""Through these every name may be read."""
_NESTED = frozenset({cst.FunctionDef, cst.Lambda, cst.ClassDef})


@dataclass(frozen=True, slots=True)
class Liveness:
    """The names and dotted paths that may still be read."""

    before: Mapping[int, Names]
    """By the `id` of a statement, a handler, or a `finally`: what may be read from there on; by that of the body of a
    loop or `with`: from its end on."""
    left: Mapping[int, Names]
    """By the `id` of a statement: what may be read after it has ended in any other way than normally."""
    bits: Mapping[str, Names]
    """Of each name and path that stands in the function."""
    unassigned: frozenset[str]
    """Names that may be read before the function has assigned them."""
    _needed: dict[str, Names] = field(default_factory=dict, compare=False)

    def keeps(self, key: str, live: Names) -> bool:
        """Whether a state has to remember what it knows under a key: of a name or path that may be read, or of a
        condition all of whose names may be."""
        needed = self._needed.get(key)
        if needed is None:
            needed = self._needed[key] = _union(self.bits.get(name, 0) for name in names_of(key))
        return bool(needed) and needed & live == needed

    def narrowed(self, states: Iterable[State], live: Names) -> list[State]:
        """The states without what they know of names that are not live; of those that are the same then, one.

        What leads to a resource is kept until that is released: that a name still refers to it matters, whether it is
        read or not.
        """
        found = States()
        known: dict[tuple[int, frozenset[int], frozenset[int]], State] = {}
        for state in states:
            filled = frozenset(o.owner for o in state.obligations.values() if o.owner <= COLLECTIONS)
            over = _over(state)
            key = (id(state.env), filled, over)
            like = known.get(key)
            if like is None:
                like = known[key] = self._narrowed(state, live, filled, over)
            if like.env is state.env:
                found.add(state)
                continue
            narrow = State(like.env, state.obligations, state.trace, state.causes, like)
            found.add(narrow.without(over - narrow.reachable()) if over else narrow)
        return list(found)

    def _narrowed(self, state: State, live: Names, filled: frozenset[int], over: frozenset[int]) -> State:
        dead = [
            k
            for k, v in state.env.items()
            if k[0] != "#"
            and not self.keeps(k, live)
            and all(n in over or (n <= COLLECTIONS and n not in filled) for n in v.reach())
        ]
        noted = [k for k in state.env if k[0] == "#" and k.startswith((MORE, KEY))]
        if not dead and not noted:
            return state
        env = {k: v for k, v in state.env.items() if k not in dead}
        if noted:  # of collections that nothing leads to
            led_to = filled.union(*(v.reach() for v in env.values()))
            env = {k: v for k, v in env.items() if k not in noted or int(k.split(" ")[1]) in led_to}
        return State(env, state.obligations, state.trace, state.causes) if len(env) < len(state.env) else state


def _over(state: State) -> frozenset[int]:
    """What is released, and to which nothing but names refers: without these nobody can do anything with it."""
    plain = (n for n, o in state.obligations.items() if o.site.parameter < 0 and o.owner < 0 and not o.managed)
    over = frozenset(n for n in plain if state.obligations[n].fate is Fate.RELEASED)
    if not over:
        return over
    # Whoever has a cursor can still turn to a connection that nobody names; to leave a `with` on it may still raise.
    entered = (v.reach() for k, v in state.env.items() if k.startswith(ENTERED))
    return over.difference(*(v.derived for v in state.env.values()), *entered)


def liveness(function: Function) -> Liveness | None:
    """The names that may still be read in a function; None where that cannot be told."""
    if isinstance(function.node, cst.Lambda):
        return None
    bits: dict[str, Names] = {}
    elsewhere = set(function.scope.declared_outside)
    for node in function.own_nodes:
        kind = type(node)
        if kind is cst.Name or kind is cst.Attribute:
            bits.setdefault(dotted(node), 1 << len(bits))
        elif kind in _NESTED and node is not function.node:
            elsewhere |= variables(node)
    if not _DEEP.isdisjoint(bits):
        return None
    always = _union(bits.setdefault(name, 1 << len(bits)) for name in sorted(elsewhere))
    roots, body = _by_root(bits), body_of(function.node.body)
    walk = _Walk(bits, roots, always)
    first = walk.block(body, _Exits(always, always, always))
    if always:  # what the function itself reads
        first = _Walk(bits, roots, 0).block(body, _Exits(0, 0, 0, quiet=True))
    unassigned = frozenset(name for name, bit in bits.items() if bit & first)
    return Liveness(walk.before, walk.left, bits, unassigned)


@dataclass(frozen=True, slots=True)
class _Exits:
    """What may be read after each way out of a block."""

    normal: Names
    raised: Names
    returned: Names
    broken: Names = 0
    continued: Names = 0
    quiet: bool = False
    """True where only what a block itself reads is asked, and nothing is to be noted."""

    @property
    def early(self) -> Names:
        """What may be read after any but the normal one."""
        return self.raised | self.returned | self.broken | self.continued


@dataclass(slots=True)
class _Walk:
    """The walk over one function, from the end to the start."""

    bits: Mapping[str, Names]
    roots: Mapping[str, Names]
    """By name: the bits of the name and of all paths that begin with it."""
    always: Names
    """What functions nested in it, or around it, may read at any time."""
    before: dict[int, Names] = field(default_factory=dict)
    left: dict[int, Names] = field(default_factory=dict)
    _turns: dict[int, Names] = field(default_factory=dict)

    def block(self, statements: Sequence[cst.CSTNode], exits: _Exits) -> Names:
        """What may be read from the start of a block on."""
        live, early = exits.normal, exits.early
        for statement in reversed(statements):
            live = self._statement(statement, replace(exits, normal=live)) | exits.raised
            if not exits.quiet:
                self.before[id(statement)] = live
                self.left[id(statement)] = early
        return live

    def _statement(self, node: cst.CSTNode, exits: _Exits) -> Names:
        match node:
            case cst.SimpleStatementLine() | cst.SimpleStatementSuite():
                live = exits.normal
                for small in reversed(node.body):
                    live = self._small(small, live, exits)
                return live
            case cst.If():
                return self._if(node, exits)
            case cst.While(test=test, body=body):
                return self._loop(body, node.orelse, self._reads(test) | self._turn(body), exits)
            case cst.For(target=target, iter=iterable, body=body):
                turn = (self._turn(body) & ~self._assigned(target)) | self._stored(target)
                return self._reads(iterable) | self._loop(body, node.orelse, turn, exits)
            case cst.With(items=items, body=body):
                # A manager may swallow what is raised.
                live = self.block(body_of(body), replace(exits, raised=exits.raised | exits.normal))
                if not exits.quiet:
                    self.before[id(body)] = exits.normal | exits.raised  # to leave it may raise
                for item in reversed(items):
                    assigned = self._assigned(item.asname.name) if item.asname else 0
                    stored = self._stored(item.asname.name) if item.asname else 0
                    live = (live & ~assigned) | stored | self._reads(item.item) | exits.normal
                return live
            case cst.Try() | cst.TryStar():
                return self._try(node, exits)
            case cst.Match(subject=subject, cases=cases):
                inside = _union(self.block(body_of(case.body), exits) for case in cases)
                tested = _union(self._reads(part) for c in cases for part in (c.pattern, c.guard) if part is not None)
                return self._reads(subject) | inside | tested | exits.normal
            case cst.FunctionDef():
                return exits.normal | self._reads(node)
        return exits.normal  # of definitions everything counts as read at any time

    def _small(self, node: cst.BaseSmallStatement, live: Names, exits: _Exits) -> Names:
        match node:
            case cst.Return(value=value):
                return exits.returned | (self._reads(value) if value else 0)
            case cst.Raise():
                return exits.raised | self._reads(node)
            case cst.Break():
                return exits.broken
            case cst.Continue():
                return exits.continued
        return (live & ~self._kills(node)) | self._uses(node)

    def _uses(self, node: cst.BaseSmallStatement) -> Names:
        match node:
            case cst.Assign(targets=targets, value=value):
                return self._reads(value) | _union(self._stored(t.target) for t in targets)
            case cst.AnnAssign(target=target, value=value):
                return self._reads(value) | self._stored(target) if value else 0
        return self._reads(node)

    def _kills(self, node: cst.BaseSmallStatement) -> Names:
        match node:
            case cst.Assign(targets=targets):
                return _union(self._assigned(t.target) for t in targets)
            case cst.AnnAssign(target=target, value=value):
                return self._assigned(target) if value else 0
        return 0

    def _if(self, node: cst.If, exits: _Exits) -> Names:
        live: Names = 0
        current: cst.If | cst.Else | None = node
        while isinstance(current, cst.If):  # `elif` chains are long; they do not recurse
            live |= self._reads(current.test) | self.block(body_of(current.body), exits)
            current = current.orelse
        return live | (self.block(body_of(current.body), exits) if current else exits.normal)

    def _turn(self, body: cst.BaseSuite) -> Names:
        """What one turn of a loop reads before it assigns it. Loops in loops ask again, so the answer is kept."""
        if id(body) not in self._turns:
            self._turns[id(body)] = self.block(body_of(body), _Exits(0, 0, 0, quiet=True))
        return self._turns[id(body)]

    def _loop(self, body: cst.BaseSuite, orelse: cst.Else | None, turn: Names, exits: _Exits) -> Names:
        """What may be read from the head of a loop on, when a turn reads so much."""
        head = turn | exits.normal | exits.raised | exits.returned
        head |= self.block(body_of(orelse.body), exits) if orelse else 0
        if not exits.quiet:
            self.block(body_of(body), replace(exits, normal=head, broken=exits.normal, continued=head))
            self.before[id(body)] = head
        return head

    def _try(self, node: cst.Try | cst.TryStar, exits: _Exits) -> Names:
        after = exits
        if node.finalbody:
            final = self.block(body_of(node.finalbody.body), replace(exits, normal=exits.normal | exits.early))
            self.before[id(node.finalbody)] = final
            after = _Exits(final, final, final, final, final, exits.quiet)
        handled: Names = 0
        handlers: Sequence[cst.ExceptHandler | cst.ExceptStarHandler] = node.handlers
        for handler in reversed(handlers):
            # After one `except*` the others have their turn.
            more = handled if isinstance(node, cst.TryStar) else 0
            ways = replace(after, normal=after.normal | more, raised=after.raised | more)
            handled |= self.block(body_of(handler.body), ways) | (self._reads(handler.type) if handler.type else 0)
        for handler in handlers:
            self.before[id(handler)] = handled | after.raised
        normal = self.block(body_of(node.orelse.body), after) if node.orelse else after.normal
        return self.block(body_of(node.body), replace(after, normal=normal, raised=after.raised | handled))

    def _assigned(self, target: cst.CSTNode) -> Names:
        """The names that an assignment to a target gives another value, with the paths that begin with them."""
        match target:
            case cst.Name(value=name):
                return self.roots.get(name, 0) & ~self.always
            case cst.Tuple(elements=elements) | cst.List(elements=elements):
                return _union(self._assigned(e.value) for e in elements)
            case cst.StarredElement(value=value):
                return self._assigned(value)
        return 0

    def _stored(self, target: cst.CSTNode) -> Names:
        """What an assignment to a target reads; to assign to a path depends on what is known of it."""
        match target:
            case cst.Name():
                return 0
            case cst.Tuple(elements=elements) | cst.List(elements=elements):
                return _union(self._stored(e.value) for e in elements)
        return self._reads(target)

    def _reads(self, node: cst.CSTNode) -> Names:
        """The names and paths that stand in an expression."""
        found: Names = 0
        stack = [node]
        while stack:
            current = stack.pop()
            kind = type(current)
            if kind is cst.Name or kind is cst.Attribute:
                found |= self.bits.get(dotted(current), 0)
            stack += _evaluated_at_once(current) if kind in _NESTED else operands(current)
        return found


def _evaluated_at_once(node: cst.CSTNode) -> Sequence[cst.CSTNode]:
    """Of a nested function, what is evaluated where it stands: decorators and defaults."""
    match node:
        case cst.FunctionDef(params=params, decorators=decorators):
            return [*decorators, *_defaults(params)]
        case cst.Lambda(params=params):
            return _defaults(params)
    return ()


def _defaults(params: cst.Parameters) -> list[cst.CSTNode]:
    every = (*params.posonly_params, *params.params, *params.kwonly_params)
    return [p.default for p in every if p.default is not None]


def _by_root(bits: Mapping[str, Names]) -> Mapping[str, Names]:
    found: dict[str, Names] = {}
    for path, bit in bits.items():
        root = path.partition(".")[0]
        found[root] = found.get(root, 0) | bit
    return found


def _union(sets: Iterable[Names]) -> Names:
    return reduce(or_, sets, 0)

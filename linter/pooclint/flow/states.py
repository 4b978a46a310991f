"""One way through a function: what names are known to be there, and what is held."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import reduce

import libcst as cst

from pooclint.flow.values import AWAITS, CALLBACKS, ENTERED, FORGOTTEN, NOTHING, Fate, Lane, Obligation, Value


@dataclass(frozen=True, eq=False, slots=True)
class Trace:
    """A persistent list of what happened on the way, latest first."""

    node: cst.CSTNode
    text: str
    before: Trace | None = None
    length: int = 1

    def steps(self) -> list[tuple[cst.CSTNode, str]]:
        """The steps, earliest first."""
        found: list[tuple[cst.CSTNode, str]] = []
        step: Trace | None = self
        while step:
            found.append((step.node, step.text))
            step = step.before
        return found[::-1]


def condition_key(left: str, operator: str, right: str) -> str:
    """The name under which a state remembers whether a condition holds.

    Args:
        left: a name or dotted path, or the notation of a literal.
        operator: what is asked of the two.
        right: as on the left.
    """
    # No part of a literal, and no operator, may be taken for a name: see `names_of`.
    one, other = (text.replace(" ", "\\x20") for text in (left, right))
    return f"? {one} {other} {operator}"


def names_of(key: str) -> list[str]:
    """The names on which something depends that a state knows: the name itself, or those of a condition."""
    return key.split(" ")[1:3] if key[0] == "?" else [key]


_MAX_TRACE = 12


MAX_NAMES = 256
"""Names of which a state knows something. Of a function with more, those bound long ago are forgotten."""


class State:
    """One way through the function so far: what names are known to be, and what is held.

    Immutable by convention: every change makes a new state. Two states are the same when names and obligations agree;
    how they came about (the trace, what raised) does not count.
    """

    __slots__ = ("_env_key", "_key", "causes", "env", "obligations", "trace")

    def __init__(
        self,
        env: Mapping[str, Value],
        obligations: Mapping[int, Obligation],
        trace: Trace | None = None,
        causes: Mapping[int, cst.CSTNode] | None = None,
        like: State | None = None,
    ) -> None:
        """A state; `like` is one with the same `env`, so that its key need not be worked out again."""
        self.env = env
        self.obligations = obligations
        self.trace = trace
        self.causes: Mapping[int, cst.CSTNode] = causes or {}
        self._key: tuple[object, ...] | None = None
        self._env_key: list[frozenset[tuple[str, Value]]] = like._env_key if like is not None else []  # noqa: SLF001 - the same class

    @property
    def key(self) -> tuple[object, ...]:
        """What makes two states the same. The lanes are left out: see `join`."""
        if self._key is None:
            if not self._env_key:
                self._env_key.append(frozenset(self.env.items()))
            self._key = (
                self._env_key[0],
                frozenset(
                    (
                        i,
                        o.fate,
                        o.doubtful,
                        o.holding,
                        o.scarcely,
                        o.kept_open,
                        o.lent,
                        o.managed,
                        o.owner,
                        o.in_transaction,
                        o.task is not None,
                        o.released is not None,
                        o.closed is not None,
                        o.worked is not None,
                        o.wrote is not None,
                    )
                    for i, o in self.obligations.items()
                ),
            )
        return self._key

    @property
    def rank(self) -> tuple[int, int, int]:
        """The lower, the better a state stands for others with the same key: least exceptional, for as much as possible
        of what is held, then shortest."""
        lanes = [o.lane for o in self.obligations.values() if o.fate is Fate.HELD]
        return (max(lanes, default=Lane.NORMAL), sum(lanes), self.trace.length if self.trace else 0)

    def join(self, other: State) -> State:
        """The state that stands for two with the same key: the better-ranked, with the least exceptional way of each
        obligation, whichever of the two it comes from."""
        best, worse = (self, other) if self.rank <= other.rank else (other, self)
        if not best.rank[0]:
            return best
        lanes = {
            n: o.lane
            for n, o in worse.obligations.items()
            if o.lane < best.obligations[n].lane and o.fate in (Fate.HELD, Fate.FIELD)
        }
        if not lanes:
            return best
        causes = {n: c for n, c in best.causes.items() if n not in lanes}
        causes |= {n: c for n, c in worse.causes.items() if n in lanes}
        joined = {n: replace(best.obligations[n], lane=lane) for n, lane in lanes.items()}
        return State(best.env, {**best.obligations, **joined}, best.trace, causes, best)

    @property
    def holds(self) -> bool:
        """True when something is held or belongs to a constructor that has not completed."""
        return any(o.fate in (Fate.HELD, Fate.FIELD) for o in self.obligations.values())

    def ways_held(self) -> frozenset[tuple[object, ...]]:
        """For each obligation that is held: which it is, and who else may release it."""
        return frozenset(
            (n, o.fate, o.doubtful, o.managed > 0, o.owner)
            for n, o in self.obligations.items()
            if o.fate in (Fate.HELD, Fate.FIELD)
        )

    def get(self, name: str) -> Value:
        """What is known of a name."""
        return self.env.get(name, NOTHING)

    def bind(self, name: str, value: Value) -> State:
        """The state after `name = value`; what was concluded from the name's old value is forgotten."""
        env = dict(self.env)
        prefix = name + "."
        for other in [k for k in env if k.startswith(prefix) or (k[0] == "?" and name in names_of(k))]:
            del env[other]
        env.pop(name, None)
        if value != NOTHING:
            env[name] = value  # at the end: those bound long ago come first
            if len(env) > MAX_NAMES:
                oldest = next((k for k, v in env.items() if k[0] != "#" and v.holds_nothing), "")
                env.pop(oldest, None)
        return State(env, self.obligations, self.trace, self.causes)

    def know(self, name: str, value: Value) -> State:
        """The state in which more is known of a name's value."""
        return State({**self.env, name: value}, self.obligations, self.trace, self.causes)

    def assume(self, fact: str, truth: bool) -> State:
        """The state in which a repeated condition is known."""
        return State({**self.env, fact: Value(truth=truth)}, self.obligations, self.trace, self.causes)

    def add(self, number: int, obligation: Obligation) -> State:
        """The state with one more obligation."""
        return State(self.env, {**self.obligations, number: obligation}, self.trace, self.causes, self)

    def change(self, numbers: Iterable[int], **changes: object) -> State:
        """The state in which those obligations have other facts."""
        found = {n: replace(self.obligations[n], **changes) for n in numbers if n in self.obligations}  # type: ignore[arg-type]
        return State(self.env, {**self.obligations, **found}, self.trace, self.causes, self) if found else self

    def occupy(self, numbers: Iterable[int], node: cst.CSTNode) -> State:
        """The state in which these have a connection, at the latest since `node`."""
        known = [(n, self.obligations[n]) for n in numbers if n in self.obligations]
        new = [n for n, o in known if o.scarcely or not o.holding]
        return self.change(new, holding=True, scarcely=False, since=node) if new else self

    def note(self, node: cst.CSTNode, text: str) -> State:
        """The state with one more step in its trace."""
        length = self.trace.length if self.trace else 0
        if length >= _MAX_TRACE:
            return self
        return State(self.env, self.obligations, Trace(node, text, self.trace, length + 1), self.causes, self)

    def raised(self, node: cst.CSTNode, lanes: Mapping[int, Lane], default: Lane, leaving: bool = False) -> State:
        """The state after an exception at `node`: what is held is now on an exceptional way.

        Args:
            node: where it is raised.
            lanes: of obligations, where they have another than the others.
            default: the lane of the others.
            leaving: whether `node` is a manager that is left, perhaps by what has failed in its body.
        """
        obligations, causes = dict(self.obligations), dict(self.causes)
        for number, obligation in self.obligations.items():
            if obligation.fate not in (Fate.HELD, Fate.FIELD) and obligation.released is None:
                continue
            lane = lanes.get(number, default)
            if lane > obligation.lane:
                obligations[number] = replace(obligation, lane=lane)
            if obligation.is_opened_by(node):
                obligations[number] = replace(obligations[number], holding=False, since=None)
            # A handler that raises again, or raises something else, passes on what has failed before.
            if number not in causes or not (leaving or isinstance(node, cst.Raise)):
                causes[number] = node
        return State(self.env, obligations, self.trace, causes, self)

    def owned(self, numbers: frozenset[int]) -> frozenset[int]:
        """Those obligations and all that they own."""
        found = numbers
        while True:
            more = frozenset(n for n, o in self.obligations.items() if o.owner in found) - found
            if not more:
                return found
            found |= more

    def settle(self, numbers: frozenset[int], fate: Fate) -> State:
        """The state after those obligations, and what they own, were released or handed over."""
        before = (Fate.HELD, Fate.FIELD, Fate.KEPT) if fate is Fate.RELEASED else (Fate.HELD, Fate.FIELD)
        live = [n for n in self.owned(numbers) if n in self.obligations and self.obligations[n].fate in before]
        return self.change(live, fate=fate, holding=False) if fate is Fate.RELEASED else self.change(live, fate=fate)

    def renumber(self, old: int, new: int) -> State:
        """The state in which an obligation has another number (its site acquires again)."""
        env = {k: v.renumbered(old, new) for k, v in self.env.items()}
        obligations = {
            (new if n == old else n): (replace(o, owner=new) if o.owner == old else o)
            for n, o in self.obligations.items()
        }
        causes = {(new if n == old else n): c for n, c in self.causes.items()}
        for prefix in (CALLBACKS, AWAITS):
            known = env.pop(f"{prefix}{old}", None)
            if known is not None:
                env[f"{prefix}{new}"] = known
        return State(env, obligations, self.trace, causes)

    def forget(self, number: int) -> State:
        """The state that no longer follows an obligation, and in which no name refers to it."""
        if number not in self.obligations:
            return self
        state = self.renumber(number, FORGOTTEN)
        return State(
            {k: v.without(FORGOTTEN) for k, v in state.env.items()}, state.obligations, state.trace, state.causes
        ).without([FORGOTTEN])

    def without(self, numbers: Iterable[int]) -> State:
        """The state that no longer follows those obligations."""
        gone = frozenset(numbers)
        if not gone & self.obligations.keys():
            return self
        left = {n: o for n, o in self.obligations.items() if n not in gone}
        causes = {n: c for n, c in self.causes.items() if n not in gone}
        names = {f"{prefix}{n}" for prefix in (CALLBACKS, AWAITS) for n in gone} & self.env.keys()
        env = {k: v for k, v in self.env.items() if k not in names} if names else self.env
        for name in [k for k, v in env.items() if k.startswith(ENTERED) and not gone.isdisjoint(v.reach())]:
            env = {**env, name: reduce(Value.without, gone, env[name])}
        return State(env, left, self.trace, causes, self if env is self.env else None)

    def reach(self, value: Value, seen: frozenset[str] = frozenset()) -> frozenset[int]:
        """Every obligation that a value leads to in this state, through the variables of closures too."""
        found = value.reach()
        for name in value.captured() - seen:
            known = self.env.get(name)
            if known is not None:
                found |= self.reach(known, seen | {name})
        return found

    def reachable(self) -> frozenset[int]:
        """Obligations that some name still leads to, or a stack that a name or a `with` leads to."""
        # Asked after every statement: most values lead to nothing, and most states have no stack.
        named = (
            v.reach()
            for k, v in self.env.items()
            if (v.refs or v.items or v.pending or v.collection or v.parts)
            and (k[0] != "#" or not k.startswith((CALLBACKS, ENTERED)))
        )
        found = self.owned(frozenset[int]().union(*named))
        stacks = {int(k.removeprefix(CALLBACKS)) for k in self.env if k[0] == "#" and k.startswith(CALLBACKS)}
        while stacks:
            live = {n for n in stacks if n in found or (n in self.obligations and self.obligations[n].managed)}
            if not live:
                break
            stacks -= live
            found = self.owned(found.union(*(self.env[f"{CALLBACKS}{n}"].reach() for n in live)))
        return found

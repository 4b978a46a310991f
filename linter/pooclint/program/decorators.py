"""What decorators make of the functions under them."""

from __future__ import annotations

from dataclasses import dataclass

import libcst as cst

from pooclint.program.definitions import Definitions
from pooclint.program.scopes import Function, Scope
from pooclint.source.nodes import descendants, dotted, nodes_of

_ONCE = frozenset({"functools.lru_cache", "functools.cache", "functools.cached_property"})
_PROPERTIES = frozenset({"builtins.property", "functools.cached_property"})
_ABSTRACT = frozenset({"abc.abstractmethod", "abc.abstractproperty"})
_CONTEXT_MANAGERS = frozenset({"contextlib.contextmanager", "contextlib.asynccontextmanager"})
_STATIC = frozenset({"builtins.staticmethod"})
_OF_CLASS = frozenset({"builtins.classmethod", *_STATIC})
_MAKING = frozenset({"__call__", "__new__"})


@dataclass(frozen=True, slots=True)
class Decorators:
    """Look-up of what the decorators of functions mean. It keeps nothing."""

    definitions: Definitions

    def is_context_manager(self, function: Function) -> bool:
        """True for a generator function under `contextmanager` or `asynccontextmanager`."""
        return any(self._qualified(_callee(d), function) in _CONTEXT_MANAGERS for d in function.decorators)

    def is_property(self, function: Function) -> bool:
        """True for a method that is read like an attribute."""
        return any(self._qualified(d, function) in _PROPERTIES for d in function.decorators)

    def shows(self, function: Function) -> str:
        """The attribute of its object that a property gives, whatever it does before that: it may raise, or fill it;
        empty for any other function."""
        if function.owner is None or not function.parameters or not function.decorators or function.is_async:
            return ""
        returned = {dotted(n.value) if n.value else "" for n in nodes_of(cst.Return, function.body_nodes)}
        base, _, attribute = returned.pop().partition(".") if len(returned) == 1 else ("", "", "")
        shown = base == function.parameters[0].name and "." not in attribute and self.is_property(function)
        return attribute if shown else ""

    def stands_for(self, function: Function) -> str:
        """The attribute of its object that a property gives as it is, unless it raises before that
        (`if self._conn is None: raise ...`); empty for one that does more, and for any other function."""
        attribute = self.shows(function)
        *before, last = statements_of(function.node.body)
        return attribute if isinstance(last, cst.Return) and all(map(_only_raises, before)) else ""

    def is_for_own_class(self, function: Function) -> bool:
        """True for a plain method, or a property that shows an attribute, which only its own class and relatives are
        meant to use."""
        return function.has_private_name and (not function.decorators or bool(self.shows(function)))

    def has_receiver(self, function: Function) -> bool:
        """True for a method whose first parameter is its object or class."""
        static = any(self._qualified(d, function) in _STATIC for d in function.decorators)
        return function.owner is not None and not static

    def is_plain(self, function: Function) -> bool:
        """True where no decorator hands the function to anybody."""
        return all(self._qualified(d, function) in _OF_CLASS for d in function.decorators)

    def is_abstract(self, function: Function) -> bool:
        """True for a method that another class is to define: a call of it may do anything."""
        if function.owner is None or isinstance(function.node, cst.Lambda):
            return False
        marked = any(self._qualified(d, function) in _ABSTRACT for d in function.decorators)
        return marked or all(_says_nothing(line) for line in function.node.body.body)

    def runs_once(self, function: Function) -> bool:
        """True when the function's result is cached, so that its body runs once for each argument."""
        return any(self._caches(d, function.parent) for d in function.decorators)

    def runs_in_first_call(self, function: Function) -> bool:
        """True when that is one run in the life of a process, since nothing tells calls apart."""
        return not function.parameters and self.runs_once(function)

    def _qualified(self, decorator: cst.BaseExpression, function: Function) -> str:
        return self.definitions.imports.qualify(decorator, function.parent)

    def _caches(self, decorator: cst.BaseExpression, scope: Scope) -> bool:
        callee = _callee(decorator)
        if self._is_cache(callee, scope):
            return True
        defined = self.definitions.definition(callee, scope, interest="anything")
        if not isinstance(defined, Function):
            return False
        # `def cached(f): @lru_cache def wrapper(*args): ...` caches like the decorator that it uses, and so does
        # `def cached(f): return lru_cache(maxsize=1)(f)`.
        inner = list(descendants(defined.node.body))
        wrappers = (defined.scope.module.function(n) for n in inner)
        applied = (_callee(n.func) for n in nodes_of(cst.Call, inner) if n.args)
        return (
            keeps_result(defined, _given(decorator, defined))
            or any(w is not None and self.runs_once(w) for w in wrappers)
            or any(self._is_cache(decorator, defined.scope) for decorator in applied)
        )

    def _is_cache(self, decorator: cst.BaseExpression, scope: Scope) -> bool:
        imports = self.definitions.imports
        qualified = imports.qualify(decorator, scope)
        return qualified in _ONCE or qualified in imports.models.run_once


def statements_of(body: cst.BaseSuite | cst.BaseExpression) -> list[cst.CSTNode]:
    """The statements of a body, those that share a line each by itself."""
    if not isinstance(body, cst.BaseSuite):
        return [body]
    return [s for line in body.body for s in (line.body if isinstance(line, cst.SimpleStatementLine) else (line,))]


def _only_raises(node: cst.CSTNode) -> bool:
    """True for a statement that does nothing but raise, if anything: a guard, an assertion, a docstring."""
    match node:
        case cst.If(body=body, orelse=None):
            return all(isinstance(s, cst.Raise) for s in statements_of(body))
        case cst.Expr(value=cst.SimpleString() | cst.ConcatenatedString()):
            return True
    return isinstance(node, cst.Assert)


def keeps_result(decorator: Function, given: frozenset[str] = frozenset()) -> bool:
    """True when a decorator, or a factory of decorators, puts what the wrapped function returned into a container or
    on an object: a cache of one's own, so that callers share the result. A `__new__`, and the `__call__` of a
    metaclass, do so with the one object of a class.

    Args:
        decorator: the function.
        given: parameters to which a factory's call gives a value (`cached(size=8)`): none is the wrapped function.
    """
    inner = [n for n in descendants(decorator.node.body) if isinstance(n, cst.FunctionDef)]
    makers = {p.name for p in decorator.parameters} - given
    makers |= {p.name.value for f in inner for p in f.params.params}
    made: set[str] = set()
    for node in descendants(decorator.node.body):
        match node:
            case cst.Assign(targets=targets, value=value) if _makes(value, makers, made):
                for target in targets:
                    if isinstance(target.target, (cst.Subscript, cst.Attribute)):
                        return True
                    if isinstance(target.target, cst.Name):
                        made.add(target.target.value)
            case cst.Call(func=cst.Attribute(attr=cst.Name(value="setdefault")), args=[_, cst.Arg(value=value)]):
                if _makes(value, makers, made):
                    return True
            # `cache.get_or_create(key, lambda: function(*args))`: somebody else's cache, by its name.
            case cst.Call(func=func, args=args) if "cache" in dotted(func).lower():
                if any(_hands(a.value, makers, made) for a in args):
                    return True
    return False


def _hands(node: cst.BaseExpression, makers: set[str], made: set[str]) -> bool:
    """True for a function that gives what is wrapped, or for what that has given."""
    if isinstance(node, cst.Lambda):
        return _makes(node.body, makers, made)
    return isinstance(node, cst.Name) and node.value in makers | made


def _makes(node: cst.BaseExpression, makers: set[str], made: set[str]) -> bool:
    if isinstance(node, cst.Await):
        node = node.expression
    if isinstance(node, cst.Name):
        return node.value in made
    match node:
        case cst.Call(func=cst.Name(value=name)):
            return name in makers
        case cst.Call(func=cst.Attribute(attr=cst.Name(value=name))):
            return name in _MAKING  # `super().__call__(*args)`
    return False


def _given(decorator: cst.BaseExpression, factory: Function) -> frozenset[str]:
    """The parameters to which the call of a factory of decorators gives a value; none for a plain decorator."""
    if not isinstance(decorator, cst.Call):
        return frozenset()
    names = [p.name for p in factory.parameters[1 if factory.owner else 0 :]]
    return frozenset(
        argument.keyword.value if argument.keyword else names[position]
        for position, argument in enumerate(decorator.args)
        if not argument.star and (argument.keyword or position < len(names))
    )


def _callee(decorator: cst.BaseExpression) -> cst.BaseExpression:
    return decorator.func if isinstance(decorator, cst.Call) else decorator


def _says_nothing(node: cst.CSTNode) -> bool:
    """True for a line that stands where a body is still to come: `pass`, `...`, a text, `raise NotImplementedError`."""
    if isinstance(node, cst.SimpleStatementLine):
        return all(_says_nothing(small) for small in node.body)
    match node:
        case cst.Pass() | cst.Expr(value=cst.Ellipsis() | cst.SimpleString() | cst.ConcatenatedString()):
            return True
        case cst.Raise(
            exc=cst.Name(value="NotImplementedError") | cst.Call(func=cst.Name(value="NotImplementedError"))
        ):
            return True
    return False

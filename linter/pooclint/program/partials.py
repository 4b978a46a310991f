"""`partial(f, a, key=b)` is a function like any other: `lambda *args, **kwargs: f(a, *args, key=b, **kwargs)`."""

from __future__ import annotations

import libcst as cst

from pooclint.source.nodes import descendants, dotted

MODULE, MAKER = "functools", "partial"
_REST, _NAMED_REST, _KEPT = "__args_of_partial", "__kwargs_of_partial", "__kept_by_partial"
"""Names that nothing in the source is likely to have."""
_EVALUATED = frozenset({
    cst.Call, cst.Await, cst.Yield, cst.NamedExpr, cst.ListComp, cst.SetComp, cst.DictComp, cst.GeneratorExp,
})  # fmt: skip


def as_lambda(node: cst.Call) -> cst.Lambda | None:
    """What a call of `functools.partial` makes, as a lambda over the same nodes; None where what it is made of has no
    name."""
    if not node.args or node.args[0].keyword or node.args[0].star:
        return None
    callee, *given = node.args
    if not dotted(callee.value):
        return None
    kept: list[cst.Param] = []
    arguments = [_kept(argument, kept) for argument in given]
    named = [a for a in arguments if a.keyword or a.star == "**"]
    before = [a for a in arguments if not a.keyword and a.star != "**"]
    rest = (cst.Arg(cst.Name(_REST), star="*"), *named, cst.Arg(cst.Name(_NAMED_REST), star="**"))
    parameters = cst.Parameters(
        star_arg=cst.Param(cst.Name(_REST)), kwonly_params=kept, star_kwarg=cst.Param(cst.Name(_NAMED_REST))
    )
    return cst.Lambda(parameters, cst.Call(callee.value, (*before, *rest)))


def _kept(argument: cst.Arg, kept: list[cst.Param]) -> cst.Arg:
    """An argument as the body has it: what has to be evaluated was, when the function was made, as a default is."""
    if not any(type(n) in _EVALUATED for n in descendants(argument.value, into_functions=False)):
        return argument
    name = f"{_KEPT}_{len(kept)}"
    kept.append(cst.Param(cst.Name(name), default=argument.value))
    return cst.Arg(cst.Name(name), keyword=argument.keyword, star=argument.star)

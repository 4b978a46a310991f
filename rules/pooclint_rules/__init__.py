"""The bundled rules and the models of the libraries and frameworks they ask about."""

from __future__ import annotations

from pathlib import Path

from pooclint.rule import Rule
from pooclint_rules.construction import ClientInLoop, ClientPerRequest, PoolPerRequest
from pooclint_rules.holding import HeldAcrossAwait, HeldAcrossBlockingCall, HeldAcrossSleep
from pooclint_rules.leaks import (
    Discarded,
    NeverReleased,
    NotReleasedOnError,
    NotReleasedOnPath,
    Overwritten,
    WithDoesNotClose,
    YieldWithoutFinally,
)
from pooclint_rules.misuse import UnboundInFinally, WrongWith
from pooclint_rules.ownership import AttributeNeverReleased, BorrowedClosed, DefaultNeverReleased
from pooclint_rules.responses import ResponseNotClosed
from pooclint_rules.sizing import InvertedSizes, OversizedPool, UnboundedPool

RULES: tuple[type[Rule], ...] = (
    NeverReleased,
    NotReleasedOnError,
    NotReleasedOnPath,
    Discarded,
    Overwritten,
    WithDoesNotClose,
    YieldWithoutFinally,
    UnboundInFinally,
    AttributeNeverReleased,
    ResponseNotClosed,
    DefaultNeverReleased,
    WrongWith,
    BorrowedClosed,
    HeldAcrossAwait,
    HeldAcrossBlockingCall,
    HeldAcrossSleep,
    ClientPerRequest,
    PoolPerRequest,
    ClientInLoop,
    OversizedPool,
    UnboundedPool,
    InvertedSizes,
)


def MODEL_FILES() -> list[Path]:
    """Paths of the bundled library and framework models."""
    here = Path(__file__).parent
    return sorted((*here.glob("libraries/*.toml"), *here.glob("frameworks/*.toml")))

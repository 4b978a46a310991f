"""Every bundled rule, in the order of their codes."""

from __future__ import annotations

from pooclint.rule import Rule
from pooclint_rules.budget import OverBudget
from pooclint_rules.construction import ClientPerRequest, ConnectionPerRequest, ImplicitClient, PoolPerRequest
from pooclint_rules.holding import HeldAcrossAwait, HeldAcrossBlockingCall, HeldAcrossSleep
from pooclint_rules.import_time import BoundToImport
from pooclint_rules.ladder import TimeoutLadder
from pooclint_rules.leaks import (
    Discarded,
    NeverReleased,
    NotReleasedOnError,
    NotReleasedOnPath,
    Overwritten,
    WithDoesNotClose,
    YieldWithoutFinally,
)
from pooclint_rules.lifecycle import PoolNeverClosed, UnmonitoredPool
from pooclint_rules.loops import ClientInLoop
from pooclint_rules.misuse import UnboundInFinally, WithClosesPool, WrongWith
from pooclint_rules.nesting import NestedAcquire
from pooclint_rules.ownership import AttributeNeverReleased, BorrowedClosed, DefaultNeverReleased
from pooclint_rules.per_call import ClientPerCall
from pooclint_rules.pooler import PreparedThroughPooler, SessionStateThroughPooler
from pooclint_rules.releases import DoubleRelease, ReleaseNotAwaited, UseAfterRelease, WrongRelease
from pooclint_rules.responses import ResponseNotClosed
from pooclint_rules.serving import DefaultPoolSize, ServerlessPool
from pooclint_rules.sharing import SharedAcrossTasks
from pooclint_rules.sizing import InvertedSizes, OversizedPool, PoolChurn, UnboundedPool
from pooclint_rules.suspending import HeldAcrossYield
from pooclint_rules.threads import LeftByThread
from pooclint_rules.timeouts import NoAcquireTimeout, NoRecycle, SlowAcquireTimeout
from pooclint_rules.transactions import TransactionLeftOpen, WritesDiscarded

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
    LeftByThread,
    WrongWith,
    UseAfterRelease,
    DoubleRelease,
    WrongRelease,
    ReleaseNotAwaited,
    TransactionLeftOpen,
    BorrowedClosed,
    WritesDiscarded,
    WithClosesPool,
    HeldAcrossAwait,
    HeldAcrossBlockingCall,
    HeldAcrossSleep,
    HeldAcrossYield,
    NestedAcquire,
    SharedAcrossTasks,
    ClientPerRequest,
    PoolPerRequest,
    ClientInLoop,
    ImplicitClient,
    ConnectionPerRequest,
    BoundToImport,
    ClientPerCall,
    OversizedPool,
    UnboundedPool,
    OverBudget,
    InvertedSizes,
    ServerlessPool,
    DefaultPoolSize,
    PoolChurn,
    NoAcquireTimeout,
    SlowAcquireTimeout,
    TimeoutLadder,
    NoRecycle,
    PreparedThroughPooler,
    SessionStateThroughPooler,
    PoolNeverClosed,
    UnmonitoredPool,
)

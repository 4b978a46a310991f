# ruff: noqa: PYI034 -- the names and shapes of asyncio
"""The part of asyncio that programs use, for awaitables that never suspend.

Real tasks run up to their first suspension as soon as the loop turns. Nothing suspends here, so a task runs to its end
where it is made; cancellation is a failure that the script puts at an `await`, of the awaitable itself or of what waits
for it. That is the analysis' own stance: what was started counts as done.
"""

from __future__ import annotations

import builtins
import inspect
from asyncio import CancelledError
from collections.abc import Awaitable, Generator
from typing import Any

from oracle.fakepool import Action, Script

TIMEOUT = TimeoutError
Error = (Exception, CancelledError)


def finish(awaitable: Any) -> Any:
    """What an awaitable gives, when it never suspends."""
    if inspect.iscoroutine(awaitable):
        try:
            awaitable.send(None)
        except StopIteration as stop:
            return stop.value
        raise RuntimeError("a fake awaitable suspended")
    waiting = awaitable.__await__()
    try:
        next(waiting)
    except StopIteration as stop:
        return stop.value
    raise RuntimeError("a fake awaitable suspended")


class Task:
    """Runs at once; whoever awaits it gets what came of it."""

    def __init__(self, awaitable: Any) -> None:
        self.error: BaseException | None = None
        self.value: Any = None
        try:
            self.value = finish(awaitable)
        except Error as error:
            self.error = error.with_traceback(None)

    def __await__(self) -> Generator[None, None, Any]:
        if self.error is not None:
            raise self.error
        return self.value
        yield


class Group:
    """`asyncio.TaskGroup`."""

    def __init__(self, script: Script) -> None:
        self._script = script
        self.tasks: list[Task] = []

    def create_task(self, awaitable: Any) -> Task:
        task = Task(awaitable)
        self.tasks.append(task)
        return task

    async def __aenter__(self) -> Group:
        return self

    async def __aexit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        if not isinstance(error, CancelledError):
            self._script.fail((CancelledError,), "await tasks")
        failed = [t.error for t in self.tasks if isinstance(t.error, Exception)]
        if isinstance(error, Exception):
            failed.append(error)
        self.tasks.clear()
        if failed and not isinstance(error, CancelledError):
            group = vars(builtins)["BaseExceptionGroup"]  # Python 3.11
            raise group("unhandled errors in a TaskGroup", failed) from None


class Asyncio:
    """What `import asyncio` gives a program."""

    CancelledError = CancelledError
    TimeoutError = TIMEOUT

    def __init__(self) -> None:
        self.script = Script()

    def TaskGroup(self) -> Group:
        return Group(self.script)

    def gather(self, *awaitables: Any) -> Awaitable[list[Any]]:
        def body() -> list[Any]:
            tasks = [Task(a) for a in awaitables]
            failed = next((t.error for t in tasks if t.error is not None), None)
            if failed is not None:
                raise failed
            return [t.value for t in tasks]

        return Action(body)

    def wait_for(self, awaitable: Any, timeout: float) -> Awaitable[Any]:
        def body() -> Any:
            try:
                return finish(awaitable)
            except CancelledError:
                if self.script.choose(2):
                    self.script.labels.append("it is a timeout")
                    raise TIMEOUT from None
                raise

        return Action(body)

    def shield(self, awaitable: Any) -> Awaitable[Any]:
        """What is shielded goes on when the waiting is cancelled, and its result is lost."""

        def body() -> Any:
            value = finish(awaitable)
            self.script.fail((CancelledError,), "await shield")
            return value

        return Action(body)

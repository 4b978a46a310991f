"""CNX403: all pools together against what the database server takes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, ClassVar

from pooclint.budget.choice import is_known
from pooclint.budget.view import product, verdict
from pooclint.rule import Confidence, ProjectReport, Severity, Step

if TYPE_CHECKING:
    from pooclint.budget.arithmetic import Sum
    from pooclint.budget.choice import Budget


class OverBudget:
    """All pools of a project together may open more connections than the server takes.

    ## What it does
    Adds up what all pools of a project may open, in all processes of all instances, and compares it with what the
    database server takes, less what it keeps for others; with a pooler in between, also with what that takes. The
    figures come from `[tool.pooclint.budget]` or from deployment files. It is reported once for each server, at the
    largest pool, when somebody wrote down both what the server takes and how many processes or instances there are;
    `pooclint budget` shows the arithmetic in any case. It needs the whole project: a folder has to be checked, and
    flake8 never reports it.

    ## Why is this bad?
    The server refuses the connection after the last one it takes: at the moment of the highest load, or while a
    deployment starts new processes beside the old ones. Each pool by itself looks modest.

    ## Example
    ```python
    # eight instances of four workers; the server takes 100 connections
    engine = create_engine(URL, pool_size=10, max_overflow=10)
    ```

    ## Use instead
    ```python
    # (100 - 10) / 32 = 2 connections for each process
    engine = create_engine(URL, pool_size=2, max_overflow=0)
    ```
    Or fewer processes, or a pooler in front of the server.

    ## Options
    - `budget.max-connections`
    - `budget.reserved`
    - `budget.instances`
    - `budget.workers`
    """

    code: ClassVar[str] = "CNX403"
    name: ClassVar[str] = "over-budget"
    severity: ClassVar[Severity] = Severity.ERROR
    default: ClassVar[bool] = True

    def check_project(self, budget: Budget) -> Iterable[ProjectReport]:
        """Report each server that takes fewer connections than the pools may open."""
        for one in budget.sums:
            if one.is_over and one.lines and is_known(one):
                yield _report(one)


def _report(one: Sum) -> ProjectReport:
    over = one.direct if one.total > one.limit.usable else one.through
    lines = sorted(over or one.lines, key=lambda line: -(line.total or 0))
    largest = lines[0].pool
    steps = [
        Step(line.pool.shown, line.pool.pool.line, line.pool.pool.column, f"{line.pool.pool.name}: {product(line)}")
        for line in lines
    ]
    place = Step(largest.shown, largest.pool.line, largest.pool.column, verdict(one, arithmetic=True))
    certain = all(line.program.processes.is_certain and line.program.instances.is_certain for line in lines)
    confidence = Confidence.HIGH if certain and one.limit.most.is_certain else Confidence.MEDIUM
    return ProjectReport(
        place, largest.pool.end_line, largest.pool.end_column, Severity.ERROR, confidence, largest.pool.library,
        tuple(steps),
    )  # fmt: skip

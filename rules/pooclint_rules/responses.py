"""CNX110: responses that keep a connection of their client."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, ClassVar

from pooclint.flow.verdicts import Verdict, VerdictKind
from pooclint.rule import Report, Severity
from pooclint_rules.verdict_reports import Message, released_on, reports, source, subject, way, with_message

if TYPE_CHECKING:
    from pooclint.engine import FileContext
    from pooclint.flow.record import Record
    from pooclint.program.scopes import Function

_KINDS: frozenset[VerdictKind] = frozenset({
    "never-released", "not-released-on-error", "not-released-on-path", "discarded", "overwritten",
    "yield-without-finally",
})  # fmt: skip


class ResponseNotClosed:
    """A response whose body has not been read keeps a connection of its client, and is not closed on every path.

    ## What it does
    Reports streamed responses (`stream=True`, `urlopen`, a response that is used without `with`) that are neither read
    to the end nor closed: on any path, or on one that an exception or an early exit takes. A response whose body has
    been read has given its connection back and is left alone.

    ## Why is this bad?
    The connection stays taken until the response is collected. Under load the client's pool runs dry, and every further
    request waits or opens another socket.

    ## Example
    ```python
    def download(url, file):
        response = requests.get(url, stream=True)
        response.raise_for_status()
        for chunk in response.iter_content(65536):
            file.write(chunk)
    ```

    ## Use instead
    ```python
    def download(url, file):
        with requests.get(url, stream=True) as response:
            response.raise_for_status()
            for chunk in response.iter_content(65536):
                file.write(chunk)
    ```
    """

    code: ClassVar[str] = "CNX110"
    name: ClassVar[str] = "response-not-closed"
    severity: ClassVar[Severity] = Severity.ERROR
    default: ClassVar[bool] = True

    def visit_evaluated(self, function: Function, record: Record, context: FileContext) -> Iterable[Report]:
        """Report the responses that keep their connection."""
        for verdict, report in reports(function, record, context, _KINDS, "response"):
            yield with_message(report, _message(verdict))


def _message(verdict: Verdict) -> Message:
    name = subject(verdict)
    origin = f" (response of {source(verdict)}"
    if verdict.kind == "discarded":
        return (f"the response of {source(verdict)} is never bound, so it cannot be closed",)
    if verdict.kind == "overwritten":
        return (f"{name} is overwritten", *way(verdict), f" while it is still open{origin})")
    if verdict.kind == "never-released":
        return (f"{name} is never closed and keeps its connection{origin})",)
    return (f"{name} is not closed and keeps its connection", *way(verdict), origin, *released_on(verdict), ")")

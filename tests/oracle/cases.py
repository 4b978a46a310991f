"""A program on which the analysis and the runs once differed."""

from __future__ import annotations

from dataclasses import dataclass

from oracle.resources import HEAD


@dataclass(frozen=True)
class Case:
    """A program, and how the two differ on it."""

    name: str
    kind: str
    """How they differed: missed, false alarm, wrong kind, wrong line, crash."""
    program: str
    category: str = ""
    """The name of the difference that is left."""
    needs: tuple[int, int] = (3, 10)
    """The Python that its syntax needs."""

    @property
    def source(self) -> str:
        """The whole module."""
        return HEAD + self.program

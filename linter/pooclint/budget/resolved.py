"""Pools with what the environment of a deployment says on top of what the source does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from urllib.parse import parse_qs, urlsplit

from pooclint.deployment.facts import Deployment, Figure
from pooclint.program.pools import Address, Amount, Pool

Environment = Mapping[str, Figure[str]]


@dataclass(frozen=True, slots=True)
class Resolved:
    """A pool whose figures and address are as well known as they will be."""

    pool: Pool
    size: Amount
    overflow: Amount | None
    address: Address
    shown: str
    """The file as reports show it."""

    @property
    def most(self) -> int | None:
        """The most connections that it opens in a process (or thread); None: not known, or without a limit."""
        return replace(self.pool, size=self.size, overflow=self.overflow).most

    @property
    def amounts(self) -> tuple[Amount, ...]:
        """Its size, and its overflow where it has one."""
        return (self.size, self.overflow) if self.overflow else (self.size,)


def environment_of(deployment: Deployment) -> Environment:
    """Environment variables of a deployment: those of programs before those in files, and examples last."""
    found: dict[str, Figure[str]] = {}
    for file in sorted(deployment.environment_files, key=lambda file: not file.is_example):
        found |= file.variables
    for program in reversed(deployment.programs):
        found |= {name: value for name, value in program.environment.items() if "${" not in value.value}
    return found


def resolve(pool: Pool, shown: str, environment: Environment, urls: Sequence[Figure[str]] = ()) -> Resolved:
    """A pool with what the environment says of it.

    Args:
        pool: as the source shows it.
        shown: its file as reports show it.
        environment: the variables that are known.
        urls: database URLs that stand in other files than the source.
    """
    size = _amount(pool.size, environment)
    overflow = _amount(pool.overflow, environment) if pool.overflow else None
    url = environment.get(pool.address.variable)
    if url is None and pool.url_key and not pool.address.scheme:
        url = next((u for u in urls if "://" in u.value), None)
    if url is not None and pool.url_key:
        size = _in_url(url, pool.url_key) or size
    return Resolved(pool, size, overflow, at_url(pool.address, url), shown)


def _amount(amount: Amount, environment: Environment) -> Amount:
    said = environment.get(amount.variable) if amount.variable else None
    if said is None or not said.value.strip().isdecimal():
        return amount
    return Amount(
        int(said.value), f"environment variable {amount.variable}", said.path, said.line, amount.variable
    )  # fmt: skip


def _in_url(url: Figure[str], key: str) -> Amount | None:
    try:
        values = parse_qs(urlsplit(url.value).query).get(key, [])
    except ValueError:
        return None
    if not values or not values[-1].isdecimal():
        return None
    return Amount(int(values[-1]), f"{key} of the URL", url.path, url.line)


def at_url(address: Address, url: Figure[str] | None) -> Address:
    """An address with what a URL says of it, where there is one."""
    if url is None or "://" not in url.value:
        return address
    scheme, _, driver = url.value.partition("://")[0].lower().partition("+")
    try:
        parts = urlsplit(url.value)
        host, port = parts.hostname or "", parts.port or 0
    except ValueError:
        host, port = "", 0
    return replace(address, scheme=scheme, driver=driver, host=host, port=port)

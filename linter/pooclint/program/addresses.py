"""Where the connections of a pool lead, as far as it is written."""

from __future__ import annotations

import re

import libcst as cst

from pooclint.program.constants import Constants
from pooclint.program.keywords import given_arguments
from pooclint.program.partial_texts import GAP, UNKNOWN_PART, split_url
from pooclint.program.pools import Address
from pooclint.program.scopes import Scope

_URL_NAME = re.compile(r"url|uri|dsn|conn|database|postgres|mysql", re.IGNORECASE)
"""Names of environment variables that are likely to hold the address of a database."""
_CONNECTION_STRING = re.compile(r"(?:^|\s)(host|port)\s*=\s*([^\s']+)")


def address_of(node: cst.Call, scope: Scope, constants: Constants, server: str = "") -> Address:
    """Where the connections of a call lead: by a URL, a connection string of libpq, or keywords.

    Args:
        node: the call.
        scope: where it stands.
        constants: what is known of expressions.
        server: the kind of server that the library leads to.
    """
    variable, host, port = "", "", 0
    given = given_arguments(node, scope, constants.objects.values)
    named = [(key, value) for key, values in given.named.items() for value in values]
    for key, value in [*(("", v) for v in given.positional), *named]:
        if value.node is None:
            continue
        driver = constants.names.qualify(value.node, value.scope)
        server = server or constants.names.models.server_imports.get(driver, "")  # a driver that is handed over
        text = constants.text(value.node, value.scope)
        read = constants.variable(value.node, value.scope)
        if "://" in text:
            return address_in(text, read, server)
        if not variable and read and _URL_NAME.search(read):
            variable = read
        if key == "host" and UNKNOWN_PART not in text:
            host = text
        if key == "port" and text.isdecimal():
            port = int(text)
        for word, given_text in _CONNECTION_STRING.findall(text):
            host = given_text if word == "host" and UNKNOWN_PART not in given_text else host
            port = int(given_text) if word == "port" and given_text.isdecimal() else port
    return Address(host=host, port=port, variable=variable, server=server)


def address_in(url: str, variable: str, server: str) -> Address:
    """Where a URL leads.

    Args:
        url: of which parts may be unknown.
        variable: the environment variable that holds it.
        server: the kind of server that the library, or a setting, leads to.
    """
    scheme, _, driver = url.partition("://")[0].lower().partition("+")
    try:
        parts = split_url(url)
        host, port = parts.hostname or "", parts.port or 0
    except ValueError:
        host, port = "", 0
    known = GAP not in host
    scheme, driver = ("" if UNKNOWN_PART in part else part for part in (scheme, driver))
    return Address(scheme, host if known else "", port, variable, server, driver)

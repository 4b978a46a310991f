"""`pooclint size`: how large a pool may sensibly be."""

from __future__ import annotations

import json
from collections.abc import Sequence

from pooclint import __version__
from pooclint.app.options import Parser, at_least, parser
from pooclint.budget.sizing import SOURCES, Sizing

_TIMES, _MINUS = "\u00d7", "\u2212"
_HELP = """\
exit status: 0; 1 when the server does not take one connection of each process; 2 for wrong usage
"""


def size(arguments: Sequence[str]) -> int:
    """Prints the size of a pool that suits a server, with its arithmetic.

    Args:
        arguments: What follows the command's name.

    Returns:
        The exit status: 1 when not even one connection of each process fits.
    """
    options = _parser().parse_strictly(arguments)
    found = Sizing(
        options.cores, options.spindles, options.instances, options.workers, options.max_connections, options.reserved
    )
    print(_json(found) if options.format == "json" else _text(found))
    return 1 if found.is_over else 0


def _parser() -> Parser:
    made = parser("size", "Says how many connections a pool should have, by the cores of the database server.", _HELP)
    made.add_argument("--cores", type=at_least(1), metavar="N", required=True, help="of the server, no hyper-threads")
    made.add_argument(
        "--spindles", type=at_least(0), metavar="N", default=1, help="disks that seek at once (default: 1)"
    )
    made.add_argument("--instances", type=at_least(1), metavar="N", default=1, help="of the program (default: 1)")
    made.add_argument("--workers", type=at_least(1), metavar="N", default=1, help="processes of each (default: 1)")
    made.add_argument("--max-connections", type=at_least(1), metavar="N", help="what the server takes")
    made.add_argument("--reserved", type=at_least(0), metavar="N", default=0, help="kept for others (default: 0)")
    made.add_argument("--format", choices=("text", "json"), default="text", help="default: text")
    return made


def _text(found: Sizing) -> str:
    rows = [
        (
            "the server",
            f"{found.cores} cores {_TIMES} 2 + {found.spindles} = {found.active} connections at work at once",
        ),
        ("an instance", f"{found.active} / {found.instances} = {found.per_instance}"),
    ]
    if found.workers > 1:
        rows.append(
            ("a process", f"{found.active} / ({found.instances} {_TIMES} {found.workers}) = {found.per_process}")
        )
    if found.active < found.processes:
        rows.append(("", "less than one for each process; a pool needs one"))
    most = found.most_per_process
    if most is not None:
        shared = f"({found.max_connections} {_MINUS} {found.reserved}) / {found.processes} = {most}"
        rows.append(("at most", f"{shared} connections in each process, over all its pools"))
    if found.is_over:
        rows.append(
            ("advice", "fewer processes, or a pooler in front of the server: not even one connection each fits")
        )
    else:
        rows.append(("pool size", f"{found.recommended}, without overflow"))
    width = max(len(name) for name, _ in rows)
    lines = [f"{name:{width}}  {text}".rstrip() for name, text in rows]
    lines += [
        "",
        "More is not faster: beyond that, connections wait for the same cores and disks, and take turns on them.",
        "It is where to begin: measure with your own load, and keep what is faster.",
        *(f"  {name}: {url}" for name, url in SOURCES),
    ]
    return "\n".join(lines)


def _json(found: Sizing) -> str:
    return json.dumps(
        {
            "schema": 1,
            "tool": "pooclint",
            "version": __version__,
            "cores": found.cores,
            "spindles": found.spindles,
            "instances": found.instances,
            "workers": found.workers,
            "max_connections": found.max_connections,
            "reserved": found.reserved,
            "active": found.active,
            "per_instance": found.per_instance,
            "per_process": found.per_process,
            "most_per_process": found.most_per_process,
            "pool_size": found.recommended,
            "fits": not found.is_over,
            "sources": [url for _, url in SOURCES],
        },
        indent=2,
    )

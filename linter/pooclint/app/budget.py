"""`pooclint budget`: all pools of a project against what its database servers take."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from pathlib import Path

import msgspec

from pooclint import __version__
from pooclint.app.options import Parser, at_least, jobs, parser
from pooclint.app.output import wants_color, write_report
from pooclint.budget.choice import Budget
from pooclint.config import Budget as BudgetTable
from pooclint.config import Config, ConfigFinder
from pooclint.packs import rule_codes
from pooclint.run.discovery import UsageError, discover, display_path

_FORMATS = ("text", "json", "markdown", "html", "svg")
_HELP = """\
The figures come from the source, from deployment files (compose, Kubernetes, Procfile and others), from
[tool.pooclint.budget] and from these options, the later before the earlier. What nobody says is assumed, and named
below the table.

exit status: 0 when all connections fit, 1 when they do not, 2 for wrong usage or configuration
"""


def budget(arguments: Sequence[str]) -> int:
    """Prints every pool with its figures, their sum, and what fits.

    Args:
        arguments: What follows the command's name.

    Returns:
        The exit status: 1 when a server takes fewer connections than the pools may open.

    Raises:
        UsageError: a path does not exist.
        ConfigError: a configuration file has a mistake.
    """
    options = _parser().parse_strictly(arguments)
    if options.config and options.isolated:
        raise UsageError("--config and --isolated exclude each other")
    from pooclint.run.budgets import find_budget, pools_of

    finder = ConfigFinder(rule_codes, None, Path(options.config) if options.config else None, options.isolated)
    sources = list(discover(options.paths, finder))
    config = _overridden(_first_config(options.paths, finder), options)
    files = [source.file for source in sources]
    files = files or [os.path.join(os.path.abspath(options.paths[0] if options.paths else "."), "none.py")]
    found = find_budget(pools_of(sources, options.jobs), files, config)
    write_report(_rendered(found, options), options.output)
    return 1 if found.is_over else 0


def _parser() -> Parser:
    made = parser("budget", "Adds up what all pools may open, against what the database server takes.", _HELP)
    made.add_argument("paths", nargs="*", metavar="PATH", help="files and folders (default: .)")
    figures = made.add_argument_group("figures")
    for name, least, text in (
        ("--max-connections", 1, "what the server takes"),
        ("--reserved", 0, "connections that are kept for others"),
        ("--instances", 1, "how many instances of the program run"),
        ("--workers", 1, "how many processes an instance has"),
    ):
        figures.add_argument(name, type=at_least(least), metavar="N", help=text)
    made.add_argument("--format", choices=_FORMATS, default="text", help="default: text")
    made.add_argument("--output", metavar="FILE", help="write the report to a file")
    made.add_argument("--config", metavar="FILE", help="use this file for everything")
    made.add_argument("--isolated", action="store_true", help="read no configuration")
    made.add_argument("--color", choices=("auto", "always", "never"), default="auto", help="default: auto")
    made.add_argument("-j", "--jobs", type=jobs, default=0, metavar="N", help="processes")
    return made


def _first_config(paths: Sequence[str], finder: ConfigFinder) -> Config:
    path = Path(os.path.abspath(paths[0] if paths else "."))
    return finder.for_folder(path if os.path.isdir(path) else path.parent)


def _overridden(config: Config, options: argparse.Namespace) -> Config:
    given = {
        name: value
        for name in ("max_connections", "reserved", "instances", "workers")
        if (value := getattr(options, name)) is not None
    }
    if not given:
        return config
    table = msgspec.structs.replace(config.settings.budget or BudgetTable(), **given)
    return Config(msgspec.structs.replace(config.settings, budget=table), config.root, config.source)


def _rendered(found: Budget, options: argparse.Namespace) -> str:
    from pooclint.run.budgets import name_of_server

    if options.format == "json":
        from pooclint.budget import json_format

        return json_format.render(found, __version__, name_of_server, display_path)
    from pooclint.budget.view import view_of

    view = view_of(found, name_of_server, display_path)
    if options.format == "text":
        from pooclint.budget import text

        return text.render(view, wants_color(options))
    if options.format == "markdown":
        from pooclint.budget import markdown

        return markdown.render(view)
    if options.format == "html":
        from pooclint.budget import html

        return html.render(view)
    from pooclint.budget import svg

    return svg.render(view)

"""`pooclint explain`, `pooclint rules` and `pooclint models`: what the linter knows, read from where it knows it."""

from __future__ import annotations

import argparse
import inspect
import json
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from pooclint.app.library_text import call_names, default_text, library_text
from pooclint.app.options import Parser, parser
from pooclint.config import Config, ConfigFinder
from pooclint.models import Library, ModelFile
from pooclint.models.own import CONFIGURED
from pooclint.models.versions import normalised
from pooclint.packs import model_sources, models_of, rule_codes, rules_of
from pooclint.report.common import printable, rule_url
from pooclint.rule import Rule
from pooclint.run.discovery import UsageError
from pooclint.toml_files import suggestion


def explain(arguments: Sequence[str]) -> int:
    """Prints the documentation of a rule, or what is known about a library.

    Raises:
        UsageError: there is neither a rule nor a library of that name.
    """
    made = parser("explain", "Explains a rule (by code or name), or what is known about a library.")
    made.add_argument("topic", metavar="CODE|LIBRARY")
    _add_color(made)
    options = made.parse_strictly(arguments)
    topic = options.topic.strip()
    rules = rules_of(_config())
    for rule in rules:
        if topic.upper() == rule.code or topic.lower() == rule.name:
            _show(_rule_text(rule), options)
            return 0
    files = models_of(_config())
    types = {name: type_ for file in files for type_ in file.type for name in (type_.name, *type_.aliases)}
    found = _libraries(topic, files)
    if found:
        _show("\n\n".join(library_text(file, types) for file in found), options)
        return 0
    known = [*(rule.code for rule in rules), *(rule.name for rule in rules), *(file.library.name for file in files)]
    guess = suggestion(topic.upper(), known) or suggestion(topic.lower(), known)
    raise UsageError(f"explain: no rule and no library is called `{topic}`{guess}")


def _libraries(topic: str, files: Sequence[ModelFile]) -> list[ModelFile]:
    """The models that a name may mean: their own names first, then distributions and imports, which may be shared."""
    wanted = normalised(topic)
    ways: tuple[Callable[[Library], tuple[str, ...]], ...] = (
        lambda library: (library.name,),
        lambda library: (library.package,),
        lambda library: library.imports,
    )
    for names in ways:
        found = [file for file in files if wanted in map(normalised, names(file.library))]
        if found:
            return found
    return []


def rules(arguments: Sequence[str]) -> int:
    """Prints the catalogue of rules."""
    options = _listing("rules", "Lists all rules.").parse_strictly(arguments)
    rows = [
        {
            "code": rule.code,
            "name": rule.name,
            "severity": rule.severity.label,
            "default": rule.default,
            "summary": summary(rule),
            "url": rule_url(rule.code),
        }
        for rule in rules_of(_config())
    ]
    if options.format == "json":
        print(json.dumps(rows, indent=2))
        return 0
    width = max(len(str(row["name"])) for row in rows)
    for row in rows:
        state = "on" if row["default"] else "opt-in"
        print(f"{row['code']}  {row['name']:{width}}  {row['severity']:7}  {state:6}  {row['summary']}")
    return 0


def models(arguments: Sequence[str]) -> int:
    """Prints the libraries that are known, and those that the configuration of the working directory adds."""
    options = _listing("models", "Lists all library models.").parse_strictly(arguments)
    known = model_sources(_config())
    if options.format == "json":
        print(json.dumps([_model_row(file, origin) for origin, file in known], indent=2))
        return 0
    rows: list[tuple[str, ...]] = [
        (file.library.name, file.library.version, _short(_acquires(file)), _pools(file), origin)
        for origin, file in known
    ]
    heads = ("library", "version", "acquires", "pool defaults", "from")
    if _wants_terminal(options):
        _show_table(heads, rows)
        return 0
    rows = [tuple(_cut(text) for text in row) for row in rows]
    widths = [max(len(row[place]) for row in (heads, *rows)) for place in range(len(heads))]
    for row in (heads, *rows):
        print("  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip())
    return 0


def _cut(text: str, width: int = 48) -> str:
    """What fits into a column; the JSON has everything."""
    return text if len(text) <= width else f"{text[: width - 3].rstrip()}..."


def schema(arguments: Sequence[str]) -> int:
    """Prints the JSON Schema of model files or of the configuration, for editors."""
    made = parser("schema", "Prints the JSON Schema of model files, of server files, or of the configuration.")
    made.add_argument("name", choices=("model", "server", "config"))
    options = made.parse_strictly(arguments)
    from pooclint.json_schema import render

    print(render(options.name), end="")
    return 0


def _model_row(file: ModelFile, origin: str) -> dict[str, object]:
    library = file.library
    sized = [(call, call.size) for call in file.call if call.size]
    return {
        "name": library.name,
        "version": library.version,
        "package": library.package or library.name,
        "imports": list(library.imports),
        "types": len(file.type),
        "acquires": _acquires(file),
        "pools": [
            {
                "names": call_names(call),
                "requires": call.requires,
                **{part: msgspec.to_builtins(getattr(size, part)) for part in ("max", "min", "overflow")},
            }
            for call, size in sized
        ],
        "configured": library.note == CONFIGURED,
        "from": origin,
    }


def _acquires(file: ModelFile) -> list[str]:
    return sorted({name for call in file.call if call.acquires for name in call_names(call)})


def _short(names: Sequence[str]) -> str:
    """As many names as fit on a line, by what tells them apart: class and method, or function."""
    brief = list(dict.fromkeys(_last_parts(name) for name in names))
    return ", ".join(brief[:3]) + (f" and {len(brief) - 3} more" if len(brief) > 3 else "")


def _last_parts(name: str) -> str:
    owner, _, last = name.rpartition(".")
    owner = owner.rpartition(".")[2]
    return f"{owner}.{last}" if owner[:1].isupper() else last


def _pools(file: ModelFile) -> str:
    found: dict[str, None] = {}
    for call in file.call:
        if call.size and call.size.max:
            over = call.size.overflow
            extra = f" + {default_text(over)}" if over else ""
            versions = f" ({call.requires})" if call.requires else ""
            found[f"{_last_parts(call_names(call)[0])}: {default_text(call.size.max)}{extra}{versions}"] = None
    brief = list(found)
    return ", ".join(brief[:2]) + (f" and {len(brief) - 2} more" if len(brief) > 2 else "")


def _show_table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(*heads)
    for row in rows:
        table.add_row(*map(_escaped, row))
    Console(force_terminal=True).print(table)


def _escaped(text: str) -> str:
    """`text` without what a terminal or rich would act on."""
    from rich.markup import escape

    return escape(printable(text))


def summary(rule: type[Rule]) -> str:
    """The first paragraph of a rule's documentation."""
    return (inspect.getdoc(rule) or "").split("\n\n")[0].replace("\n", " ")


def _add_color(made: Parser) -> None:
    made.add_argument("--color", choices=("auto", "always", "never"), default="auto")


def _listing(command: str, description: str) -> Parser:
    made = parser(command, description)
    made.add_argument("--format", choices=("text", "json"), default="text")
    _add_color(made)
    return made


def _config() -> Config:
    return ConfigFinder(rule_codes).for_folder(Path.cwd())


def _wants_terminal(options: argparse.Namespace) -> bool:
    return bool(
        options.color == "always"
        or (options.color == "auto" and sys.stdout.isatty() and not os.environ.get("NO_COLOR"))
    )


def _show(text: str, options: argparse.Namespace) -> None:
    if not _wants_terminal(options):
        print(text)
        return
    from rich.console import Console
    from rich.markdown import Markdown

    Console(force_terminal=True).print(Markdown(text))


def _rule_text(rule: type[Rule]) -> str:
    state = "on by default" if rule.default else f"off by default; turn it on with --extend-select {rule.code}"
    head = f"# {rule.code} {rule.name}\n\nSeverity: {rule.severity.label}. This rule is {state}."
    return f"{head}\n\n{inspect.getdoc(rule) or ''}"

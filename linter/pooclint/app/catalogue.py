"""`pooclint explain`, `pooclint rules` and `pooclint models`: what the linter knows, read from where it knows it."""

from __future__ import annotations

import argparse
import inspect
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from pooclint.app.options import Parser, parser
from pooclint.config import Config, ConfigFinder
from pooclint.models import Call, ModelFile, Parameter, Type
from pooclint.packs import models_of, rule_codes, rules_of
from pooclint.report.common import rule_url
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
    files = _all_models()
    # Several models may come from one distribution; a name of its own goes first.
    by_name = [file for file in files if topic.lower() == file.library.name.lower()]
    by_package = [file for file in files if topic.lower() == file.library.package.lower()]
    for file in (*by_name, *by_package):
        _show(_model_text(file), options)
        return 0
    known = [*(rule.code for rule in rules), *(rule.name for rule in rules), *(file.library.name for file in files)]
    guess = suggestion(topic.upper(), known) or suggestion(topic.lower(), known)
    raise UsageError(f"explain: no rule and no library is called `{topic}`{guess}")


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
    rows = [
        {
            "name": file.library.name,
            "version": file.library.version,
            "imports": list(file.library.imports),
            "types": len(file.type),
            "acquires": sorted({name for call in file.call if call.acquires for name in _call_names(call)}),
            "configured": file.library.note == "configured",
        }
        for file in _all_models()
    ]
    if options.format == "json":
        print(json.dumps(rows, indent=2))
        return 0
    width = max((len(str(row["name"])) for row in rows), default=0)
    wide = max((len(str(row["version"])) for row in rows), default=0)
    for row in rows:
        acquires = row["acquires"]
        known = f"{len(acquires) if isinstance(acquires, list) else 0} acquiring calls, {row['types']} types"
        origin = "  (from your configuration)" if row["configured"] else ""
        print(f"{row['name']:{width}}  {row['version']:{wide}}  {known}{origin}")
    return 0


def summary(rule: type[Rule]) -> str:
    """The first paragraph of a rule's documentation."""
    return (inspect.getdoc(rule) or "").split("\n\n")[0].replace("\n", " ")


def _add_color(made: Parser) -> None:
    made.add_argument("--color", choices=("auto", "always", "never"), default="auto")


def _listing(command: str, description: str) -> Parser:
    made = parser(command, description)
    made.add_argument("--format", choices=("text", "json"), default="text")
    return made


def _all_models() -> tuple[ModelFile, ...]:
    return models_of(_config())


def _config() -> Config:
    return ConfigFinder(rule_codes).for_folder(Path.cwd())


def _show(text: str, options: argparse.Namespace) -> None:
    wanted = options.color == "always" or (
        options.color == "auto" and sys.stdout.isatty() and not os.environ.get("NO_COLOR")
    )
    if not wanted:
        print(text)
        return
    from rich.console import Console
    from rich.markdown import Markdown

    Console(force_terminal=True).print(Markdown(text))


def _rule_text(rule: type[Rule]) -> str:
    state = "on by default" if rule.default else f"off by default; turn it on with --extend-select {rule.code}"
    head = f"# {rule.code} {rule.name}\n\nSeverity: {rule.severity.label}. This rule is {state}."
    return f"{head}\n\n{inspect.getdoc(rule) or ''}"


def _model_text(file: ModelFile) -> str:
    library = file.library
    parts = [f"# {library.name} {library.version}".rstrip()]
    if library.note and library.note != "configured":
        parts.append(library.note)
    acquires = [call for call in file.call if call.acquires]
    if acquires:
        parts.append("## Must be released\n\n" + "\n".join(_acquire(call, file.type) for call in acquires))
    held = [kind for kind in file.type if kind.kind not in ("value", "app", "factory")]
    if held:
        parts.append("## Types\n\n" + "\n".join(_type(kind) for kind in held))
    sizes = [call for call in file.call if call.size]
    if sizes:
        parts.append("## Sizes\n\n" + "\n".join(_size(call) for call in sizes))
    if file.external:
        slow = [name for external in file.external for name in (*external.names, *external.methods)]
        parts.append("## Leaves the process\n\n" + ", ".join(f"`{name}`" for name in slow))
    return "\n\n".join(parts)


def _call_names(call: Call) -> list[str]:
    return [*call.names, *(f"{owner}.{method}" for owner in call.on for method in call.methods)]


def _acquire(call: Call, types: Sequence[Type]) -> str:
    kind = next((known for known in types if known.name == call.returns), None)
    release = call.release if call.release is not None else (kind.release if kind else ())
    form = call.with_form or (kind.with_form if kind else "none")
    text = f"- {', '.join(f'`{name}`' for name in _call_names(call))}"
    if call.awaited == "must":
        text += " (awaited)"
    text += f"; released by {', '.join(f'`{way}`' for way in release)}" if release else ""
    forms = {"sync": "; use `with`", "async": "; use `async with`", "both": "; use `with` or `async with`"}
    return text + forms.get(form, "")


def _type(kind: Type) -> str:
    text = f"- `{kind.name}`: {kind.kind}"
    if kind.with_form != "none":
        effect = "releases it" if kind.exit == "releases" else "does **not** release it"
        text += f"; the end of its `with` {effect}"
    fates = {
        "never": "nothing gives a forgotten one back",
        "late": "a forgotten one is reclaimed at an unknown time",
        "refcount": "a forgotten one is closed with its last name",
        "harmless": "a forgotten one holds nothing",
    }
    return f"{text}; {fates[kind.reclaimed]}"


def _size(call: Call) -> str:
    if call.size is None:
        return ""
    figures = [("maximum", call.size.max), ("minimum", call.size.min), ("overflow", call.size.overflow)]
    listed = [f"{label} `{one.param}` {_default(one)}" for label, one in figures if one]
    return f"- {', '.join(f'`{name}`' for name in _call_names(call))}: {', '.join(listed)}"


def _default(one: Parameter) -> str:
    if one.required:
        return "(required)"
    return "(default: no limit)" if one.default is None else f"(default {one.default})"

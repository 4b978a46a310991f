"""What a command runs: found behind wrappers, shells and scripts."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from pooclint.deployment.facts import Figure
from pooclint.deployment.models import About, Option, Runner, ServerModels
from pooclint.deployment.texts import Command, Word, assignments, expand, simple_commands, split_words

Script = Callable[[str], Command | None]
"""Finds the script that a word of a command names, and gives its text as a command; None when there is none."""

_TARGET = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*(?:\.\w+)*(?:\([^()]*\))?")
_DOTTED = re.compile(r"[A-Za-z_]\w*(?:\.\w+)*")
_FILE = re.compile(r"[\w./-]+\.py")
_ASKS = r"case[ \t]+[\"']?\$\{{?{0}\b|\$\{{?{0}\}}?[\"']?[ \t]+==?[ \t]|^[ \t]*[\"']?\$\{{?[{0}@*]\}}?[\"']?[ \t]*$"
"""A script that does what an argument of it says."""
_MAX_DEPTH = 5
_MAX_COMMANDS = 400


@dataclass(frozen=True, slots=True)
class Run:
    """One start of a program."""

    about: About
    runner: Runner | None
    """None: a Python module or file of the project, run by the interpreter."""
    words: tuple[Word, ...]
    """What follows its name."""
    target: str = ""
    """Of a run without a runner: the module or file."""
    environment: Mapping[str, Figure[str]] = field(default_factory=dict)
    """Of the whole command, with what it sets itself."""
    path: str = ""
    line: int = 0
    word: str = ""
    """The name it is started by."""

    @property
    def name(self) -> str:
        """The program's name; where several go by one model, that which the command gives."""
        return (
            ""
            if self.runner is None
            else self.runner.names[0]
            if self.about.version
            else self.word or self.runner.names[0]
        )


def runs(
    command: Command, environment: Mapping[str, Figure[str]], models: ServerModels, script: Script, depth: int = 0
) -> Iterator[Run]:
    """What a command starts, in order; nothing when it is not known.

    Args:
        command: The command, with its variables.
        environment: What they are set to.
        models: The programs there are.
        script: Finds shell scripts.
        depth: How many shells led here.
    """
    if depth > _MAX_DEPTH or not command.words:
        return
    own, skipped = assignments(command.words, command.path)
    known = {**environment, **own}
    words = command.words[skipped:]
    for at, word in enumerate(words):
        text = expand(word.text, known).figure.value.strip()
        name = text.rsplit("/", 1)[-1]
        rest = words[at + 1 :]
        if name in models.shells:
            yield from _in_shell(rest, known, models, script, depth, command.path)
            return
        if name in models.interpreters:
            yield from _interpreted(rest, known, models, command.path, word.line)
            return
        found = _runner(name, rest, models, script=name.endswith(".py"))
        if found:
            yield Run(*found, rest, "", known, command.path, word.line, name)
            return
        if any(name in runner.names for _, runner in models.runners):
            return  # another of its subcommands
        inner = script(text) if at == 0 or re.search(r"\.(?:sh|bash)$|/", text) else None
        if inner is not None:
            yield from _in_script(inner, Command(tuple(rest), command.path), known, models, script, depth)
            return
        if at == 0 and name not in models.wrappers and not text.startswith("-") and "$" not in word.text:
            return


def _in_shell(
    rest: Sequence[Word], known: Mapping[str, Figure[str]], models: ServerModels, script: Script, depth: int, path: str
) -> Iterator[Run]:
    for at, word in enumerate(rest):
        if re.fullmatch(r"-\w*c\w*", word.text) and at + 1 < len(rest):
            text = rest[at + 1]
            yield from _all(Command((text,), path), known, models, script, depth + 1)
            return
        if not word.text.startswith("-"):
            inner = script(expand(word.text, known).figure.value)
            if inner is not None:
                yield from _in_script(inner, Command(tuple(rest[at + 1 :]), path), known, models, script, depth)
            return


def _in_script(
    inner: Command, rest: Command, known: Mapping[str, Figure[str]], models: ServerModels, script: Script, depth: int
) -> Iterator[Run]:
    """What a script starts. `exec "$@"` starts what follows; many choose by their first argument."""
    after = list(runs(rest, known, models, script, depth + 1)) if rest.words else []
    if after:
        yield from after
        return
    text, line, _ = inner.words[0]
    if not rest.words:
        if not re.search(_ASKS.format(1), text, re.MULTILINE):
            yield from _all(inner, known, models, script, depth + 1)
        return
    part: tuple[str, int] | None = (text, line)
    for place, word in enumerate(rest.words[:2], start=1):
        if part is not None and re.search(_ASKS.format(place), part[0], re.MULTILINE):
            part = chosen_part(*part, expand(word.text, known).figure.value, place)
    # `exec "$@"`: what follows is run, whatever it is; the rest of the script only prepares for it.
    if part is not None and (part[0] != text or not re.search(r"\$\{?[@*]", text)):
        yield from _all(Command((Word(*part),), inner.path), known, models, script, depth + 1)


def chosen_part(text: str, line: int, word: str, place: int = 1) -> tuple[str, int] | None:
    """The part of a shell script that runs when one of its arguments is a word, with the line it begins on.

    Scripts choose by a `case` of the argument, a comparison with it, or a function that is called by it.

    Args:
        text: The script, or a part of it.
        line: The line on which that begins.
        word: What the argument is.
        place: Which argument: 1 is the first.
    """
    name = re.escape(word)
    quoted = rf"[\"']?{name}[\"']?"
    arm = re.search(rf"^[ \t]*\(?(?:[\w|\"' -]+\|[ \t]*)?{quoted}(?:[ \t]*\|[\w|\"' -]+)?\)", text, re.MULTILINE)
    if arm:
        body = _arm(text[arm.end() :])
        function = chosen_part(text[: arm.start()], line, body.split()[0], place) if len(body.split()) == 1 else None
        return function or (body, line + text.count("\n", 0, arm.end()))
    test = rf"\$\{{?{place}\}}?[\"']?[ \t]+==?[ \t]+{quoted}[ \t]*\]?\]?.*?\bthen\b(.*?)^[ \t]*(?:elif|else|fi)\b"
    for pattern in (rf"^[ \t]*(?:function[ \t]+)?{name}[ \t]*(?:\(\))?[ \t]*\{{(.*?)^\}}", test):
        match = re.search(pattern, text, re.MULTILINE | re.DOTALL)
        if match:
            return match[1], line + text.count("\n", 0, match.start(1))
    return None


def _arm(text: str) -> str:
    """The arm of a `case` up to its end, what is chosen within it included."""
    depth = 0
    for match in re.finditer(r"^[ \t]*case\b|\besac\b|;;", text, re.MULTILINE):
        if match[0] == ";;" and depth == 0:
            return text[: match.start()]
        depth += 1 if match[0].strip() == "case" else -1 if match[0] == "esac" else 0
        if depth < 0:
            return text[: match.start()]
    return text


def _all(
    command: Command, known: Mapping[str, Figure[str]], models: ServerModels, script: Script, depth: int
) -> Iterator[Run]:
    """What a text for a shell starts. What it sets on the way holds for what follows."""
    setting = dict(known)
    if depth > _MAX_DEPTH or not command.words:
        return
    text = command.words[-1]
    for count, words in enumerate(simple_commands(text.text, text.line)):
        if count >= _MAX_COMMANDS:
            return
        plain = words[1:] if words[0].text in ("export", "set", "local") else words
        own, taken = assignments(plain, command.path)
        if taken == len(plain):
            for name, figure in own.items():
                found = expand(figure.value, setting, command.path, figure.line)
                # What is computed, or set from itself without a default, leaves what is known.
                if not found.missing:
                    setting[name] = found.figure
            continue
        yield from runs(Command(plain, command.path), setting, models, script, depth)


def _runner(
    name: str, rest: Sequence[Word], models: ServerModels, module: bool = False, script: bool = False
) -> tuple[About, Runner] | None:
    for about, runner in models.runners:
        words = runner.modules if module else (*runner.names, *(runner.scripts if script else ()))
        if name in words and (not runner.subcommand or _has_subcommand(rest, runner.subcommand)):
            return about, runner
    return None


def _has_subcommand(rest: Sequence[Word], wanted: Sequence[str]) -> bool:
    # Options may come before it, and their values; a value is hardly ever the name of a subcommand.
    return any(word.text in wanted for word in rest[:12])


def _interpreted(
    rest: Sequence[Word], known: Mapping[str, Figure[str]], models: ServerModels, path: str, line: int
) -> Iterator[Run]:
    own = About(name="python")
    for at, word in enumerate(rest):
        if word.text == "-m" and at + 1 < len(rest):
            module, after = rest[at + 1].text, tuple(rest[at + 2 :])
            found = _runner(module, after, models, module=True)
            if found is not None:
                yield Run(*found, after, "", known, path, line, module)
            elif any(module in runner.modules for _, runner in models.runners):
                return
            elif after and module in models.wrappers:
                yield from runs(Command(after, path), known, models, lambda _: None, _MAX_DEPTH)
            else:
                yield Run(own, None, after, module, known, path, line)
            return
        if word.text == "-c":
            return
        if not word.text.startswith("-"):
            name, after = word.text.rsplit("/", 1)[-1], tuple(rest[at + 1 :])
            found = _runner(name, after, models, script=True)
            if found is not None:
                yield Run(*found, after, "", known, path, line, name)
            elif _FILE.fullmatch(word.text) and not any(name in runner.scripts for _, runner in models.runners):
                yield Run(own, None, after, word.text, known, path, line)
            return


def given(option: Option, words: Sequence[Word]) -> Word | None:
    """The value that a command line gives an option: the last of several."""
    found: Word | None = None
    for at, word in enumerate(words):
        for name in option.options:
            if word.text == name and at + 1 < len(words):
                found = words[at + 1]
            elif word.text.startswith(f"{name}=") and name.startswith("-"):
                found = word._replace(text=word.text[len(name) + 1 :])
            elif len(name) == 2 and name[0] == "-" and word.text.startswith(name) and not word.text.startswith("--"):
                value = word.text[2:].lstrip("=")
                found = word._replace(text=value) if value[:1].isdigit() or value.startswith("$") else found
    return found


def target_word(words: Sequence[Word], runner: Runner) -> str:
    """The first argument that looks like an import path (`app.main:app`), or one that stands alone at an end."""
    taking = frozenset(options_of(runner))
    plain = [word.text.strip() for word in words]
    before = ["", *plain]
    for text, last in zip(plain, before, strict=False):
        if _TARGET.fullmatch(text) and last not in taking:
            return text
    for at in (len(plain) - 1, 0):
        if plain and (_DOTTED.fullmatch(plain[at]) or _FILE.fullmatch(plain[at])):
            stands_alone = not before[at].startswith("-") or "=" in before[at]
            if stands_alone and plain[at] not in runner.subcommand:
                return plain[at]
    return ""


def options_of(runner: Runner) -> Iterator[str]:
    """The options of a program that are known to take a value."""
    known = (runner.target, runner.folder, runner.processes, runner.limit, runner.threads, *runner.timeouts.values())
    for option in (*known, runner.workers.choice if runner.workers else None):
        yield from option.options if option else ()
    yield from runner.settings.options if runner.settings else ()


def further(words: Sequence[Word], figure: Figure[str] | None) -> tuple[Word, ...]:
    """Arguments from a variable of the environment go before those of the command line, which win."""
    return (
        (*(word._replace(path=figure.path) for word in split_words(figure.value, figure.line)), *words)
        if figure
        else tuple(words)
    )

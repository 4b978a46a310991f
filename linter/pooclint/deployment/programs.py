"""How many processes a run of a program is: its figures, each from the strongest place that gives it."""

from __future__ import annotations

import os
import posixpath
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

from pooclint.deployment.commands import Run, further, given, target_word
from pooclint.deployment.facts import Figure, Program, Site, Timeout
from pooclint.deployment.models import Option, Runner, Settings, Workers
from pooclint.deployment.settings import read_settings
from pooclint.deployment.texts import Word, expand
from pooclint.deployment.tree import Item, Tree

_MAX_FIGURE = 100_000
_ON = frozenset({"true", "1", "yes", "on"})


@dataclass(frozen=True, slots=True)
class Place:
    """Where a program runs, as far as the deployment file says."""

    name: str
    site: Site
    instances: Figure[int]
    environment: Mapping[str, Figure[str]]
    root: str
    """The folder of its code; empty: not known."""
    path: str
    line: int
    image: str = ""


@dataclass(frozen=True, slots=True)
class _Sources:
    """Where the figures of a run may come from, the strongest first."""

    words: tuple[Word, ...]
    settings: Mapping[str, Figure[str]]
    environment: Mapping[str, Figure[str]]
    path: str
    about: str
    own: tuple[Word, ...]
    """The words of the command itself."""

    def text(self, option: Option) -> Figure[str] | None:
        word = given(option, self.words)
        if word is not None:
            name = next((n for n in option.options if n.startswith("--")), option.options[0])
            found = expand(word.text, self.environment, word.path or self.path, word.line)
            return found.figure if found.figure.why else replace(found.figure, why=name)
        for name in option.settings:
            if name in self.settings:
                figure = self.settings[name]
                return figure if figure.why else replace(figure, why=name)
        for name in option.environment:
            if name in self.environment:
                found = expand(f"${{{name}}}", self.environment, self.path)
                if found.figure.value:
                    return found.figure if found.figure.why else replace(found.figure, why=name)
        return None

    def switched(self, option: Option | None) -> Figure[str] | None:
        """What turns an option on that is a mere flag on the command line; None where it is off."""
        if option is None:
            return None
        for word in self.words:
            if word.text in option.options:
                return Figure(word.text, word.path or self.path, word.line, why=word.text)
        for name in option.settings:
            found = self.settings.get(name)
            if found is not None:
                on = found.value.strip().lower() in _ON
                return replace(found, why=found.why or name) if on else None
        return Figure("default", how="default", why=f"default of {self.about}") if option.default else None

    def number(self, option: Option) -> Figure[float] | None:
        """The value of an option, as far as it is a number; its default otherwise."""
        found = self.text(option)
        value = _number(found.value) if found else None
        if found is not None and value is not None:
            seconds = value / 1000 if option.milliseconds else value
            return Figure(seconds, found.path, found.line, found.how, found.why)
        if found is not None and option.per_core:
            return Figure(1.0, found.path, found.line, "assumed", "one for each core, with one core")
        if found is not None:
            why = found.why if found.how == "assumed" else f"`{found.value}` is not known"
            return Figure(1.0, found.path, found.line, "assumed", why)
        if isinstance(option.default, (int, float)):
            return Figure(float(option.default), how="default", why=f"default of {self.about}")
        if option.per_core:
            return Figure(1.0, how="assumed", why=f"{self.about} starts one for each core, with one core")
        return None

    def whole(self, option: Option) -> Figure[int] | None:
        """The same, as a whole number from 1 on."""
        found = self.number(option)
        if found is None:
            return None
        value = min(max(int(found.value), 1), _MAX_FIGURE)
        return Figure(value, found.path, found.line, found.how, found.why)


def program(run: Run, place: Place, tree: Tree, settings_file: str = "") -> tuple[Program, tuple[Item, ...]]:
    """A run of a program as what it is.

    Args:
        run: How it is started.
        place: Where.
        tree: The project, for settings files.
        settings_file: The settings file, where no command names it.

    Returns:
        The program with its figures, and notes on what could not be read.
    """
    base = Program(
        name=place.name,
        kind="other",
        site=place.site,
        command=_shown(run),
        instances=place.instances,
        environment=MappingProxyType(dict(place.environment)),
        root=place.root,
        image=place.image,
        path=run.path or place.path,
        line=run.line or place.line,
    )
    if run.runner is None:
        target = run.target.removeprefix("./").removesuffix(".py").replace("/", ".").strip(".")
        one = Figure(1, how="assumed", why="a Python program is one process")
        return replace(base, kind="worker", target=target, processes=one), ()
    about = f"{run.about.name} {run.about.version.split('.')[0]}" if run.about.version else run.name
    words = run.words
    for name in run.runner.arguments:
        words = further(words, run.environment.get(name))
    folder = place.root or tree.root
    settings, notes = _settings(run, words, folder, tree, settings_file)
    sources = _Sources(words, settings, run.environment, run.path, about, run.words)
    return _filled(replace(base, runner=run.name), run.runner, sources, folder), notes


def _filled(base: Program, runner: Runner, sources: _Sources, folder: str) -> Program:
    choice = _choice(runner.workers, sources)
    processes = (sources.whole(runner.processes) if runner.processes else None) or Figure(
        1, how="default", why=f"{base.runner} is one process"
    )
    limit = sources.text(runner.limit) if runner.limit else None
    if limit is not None and (value := _number(limit.value)) is not None:
        processes = Figure(max(int(value), 1), limit.path, limit.line, limit.how, limit.why)
    threads = sources.whole(runner.threads) if runner.threads else None
    if runner.workers:
        if choice in runner.workers.swapped:
            single = Figure(1, how="default", why=f"{choice} workers share a process")
            processes, threads = single, processes
        elif choice in runner.workers.single:
            processes = Figure(1, how="default", why=f"a {choice} worker is one process")
            threads = Figure(1, how="default", why=f"a {choice} worker does one thing at a time")
        elif runner.workers.threaded and choice not in runner.workers.threaded:
            threads = None
    timeouts: dict[Timeout, Figure[float]] = {}
    for name, option in runner.timeouts.items():
        seconds = sources.number(option)
        if seconds is not None and seconds.how != "assumed":
            timeouts[name] = seconds
    if runner.workers and runner.workers.timed:
        ends = choice in runner.workers.timed and (threads is None or threads.value == 1)
        timeouts = timeouts if ends else {k: v for k, v in timeouts.items() if k != "request"}
    inner = sources.text(runner.folder) if runner.folder else None
    return replace(
        base,
        kind=runner.kind,
        target=_target(runner, sources),
        processes=processes,
        threads=threads,
        timeouts=MappingProxyType(timeouts),
        loads_first=None if sources.switched(runner.loads_late) else sources.switched(runner.loads_first),
        root=_joined(folder, inner.value) if inner and not inner.value.startswith("/") else base.root,
    )


def _choice(workers: Workers | None, sources: _Sources) -> str:
    if workers is None:
        return ""
    found = sources.text(workers.choice)
    return found.value if found else str(workers.choice.default or "")


def _target(runner: Runner, sources: _Sources) -> str:
    if runner.target is None:
        return ""
    found = sources.text(runner.target)
    if found is not None:
        return "" if "$" in found.value else found.value
    return target_word(sources.own, runner) if not runner.target.options else ""


def _settings(
    run: Run, words: tuple[Word, ...], folder: str, tree: Tree, path: str
) -> tuple[Mapping[str, Figure[str]], tuple[Item, ...]]:
    settings = run.runner.settings if run.runner else None
    if settings is None:
        return {}, ()
    named = given(Option(options=settings.options), words)
    names = [_file_name(expand(named.text, run.environment).figure.value, settings)] if named else []
    if not names and settings.format == "ini":
        # `uwsgi app.ini`: the file stands alone.
        names = [word.text for word in words if word.text.endswith(".ini")]
    path = path or next((p for name in names if (p := tree.resolve(name, folder))), "")
    if not path and not names:
        path = next((p for name in settings.automatic if (p := tree.resolve(name, folder, exact=True))), "")
    data = tree.read(path) if path else None
    if data is None:
        return {}, ()
    try:
        return read_settings(data, path, settings, run.environment), ()
    except ValueError as error:
        return {}, (tree.note(path, 0, str(error)),)


def _file_name(written: str, settings: Settings) -> str:
    module = written.removeprefix(settings.module_prefix) if settings.module_prefix else written
    return f"{module.replace('.', '/')}.py" if module != written else written.removeprefix(settings.prefix)


def _joined(folder: str, inner: str) -> str:
    return os.path.normpath(os.path.join(folder, *posixpath.normpath(inner).split("/")))


def _number(text: str) -> float | None:
    match = re.match(r"\s*(\d{1,9}(?:\.\d+)?)\s*(?:s|,|$)", text)
    return float(match[1]) if match else None


def _shown(run: Run) -> str:
    name = run.name if run.runner else f"python {run.target}"
    return " ".join((name, *(" ".join(word.text.split()) for word in run.words)))[:300]

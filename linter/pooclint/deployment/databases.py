"""Database servers and poolers: from containers, settings files and URLs."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from urllib.parse import urlsplit

from pooclint.deployment.commands import given
from pooclint.deployment.facts import Figure, Pooler, PoolerDatabase, Server, ServerKind, Site
from pooclint.deployment.images import image_version, is_image
from pooclint.deployment.models import About, DatabasePooler, DatabaseServer, Option, ServerModels
from pooclint.deployment.settings import belongs, decoded, ini_sections, read_settings
from pooclint.deployment.texts import Word, expand, simple_commands
from pooclint.deployment.tree import Container, Tree

_MODES = frozenset({"session", "transaction", "statement"})


def server_of(container: Container, image: str, tree: Tree) -> Server | None:
    """The database server that a container is; None when it is none."""
    for about, model in tree.models.servers:
        if not is_image(image, model.images):
            continue
        words = _words(container)
        named = _named_options(words, model.named_options, container.path)
        options = _given(model.limit, words, container)
        settings = {**_mounted(container, model, tree), **named}
        limit = options or _number(settings, model.limit.settings) or _from(container.environment, model.limit)
        found = _server(about, model, container.site, limit, settings)
        port = container.port or found.port
        return replace(found, name=container.name, port=port, path=container.path, line=container.line)
    return None


def _server(
    about: About, model: DatabaseServer, site: Site, limit: Figure[int] | None, settings: Mapping[str, Figure[str]]
) -> Server:
    default = Figure(int(model.limit.default or 0), how="default", why=f"default of {about.name} {about.version}")
    return Server(model.kind, site, limit or default, _reserved(about, model, settings), port=model.port)


def _reserved(about: About, model: DatabaseServer, settings: Mapping[str, Figure[str]]) -> Figure[int]:
    parts = [_number(settings, (reserve.name,)) for reserve in model.reserved]
    total = sum(part.value if part else reserve.default for part, reserve in zip(parts, model.reserved, strict=True))
    written = next((part for part in parts if part), None)
    if written is None:
        return Figure(total, how="default", why=f"default of {about.name} {about.version}")
    return replace(written, value=total)


def pooler_of(container: Container, image: str, tree: Tree) -> Pooler | None:
    """The pooler that a container is; None when it is none."""
    for about, model in tree.models.poolers:
        if is_image(image, model.images):
            tag = re.match(r"v?(\d+(?:\.\d+)*)", image_version(container.image))
            version = Figure(tag[1], container.path, container.line, why=container.image) if tag else None
            settings = _mounted(container, model, tree)
            found = _pooler(about, model, container.site, settings, container.environment, version)
            return replace(
                found,
                name=container.name,
                port=container.port or found.port,
                databases=_databases(_mounted_path(container, model, tree), model, tree),
                path=container.path,
                line=container.line,
            )
    return None


def _pooler(
    about: About, model: DatabasePooler, site: Site, settings: Mapping[str, Figure[str]],
    environment: Mapping[str, Figure[str]], version: Figure[str] | None,
) -> Pooler:  # fmt: skip
    def number(option: Option | None) -> Figure[int] | None:
        if option is None:
            return None
        found = _number(settings, option.settings) or _from(environment, option)
        if found is None and isinstance(option.default, int):
            return Figure(option.default, how="default", why=f"default of {about.name}")
        return found

    mode: Figure[str] = Figure("unknown", how="assumed", why="nothing says it")
    if model.mode is not None:
        sources = [settings.get(name) for name in model.mode.settings]
        sources += [environment.get(name) for name in model.mode.environment]
        said = next((one for one in sources if one is not None and one.value.lower() in _MODES), None)
        if said is not None:
            mode = replace(said, value=said.value.lower())
        elif model.mode.default:
            mode = Figure(str(model.mode.default), how="default", why=f"default of {about.name}")
    port = number(model.port)
    prepared = number(model.max_prepared_statements)
    if prepared is None and version is not None:
        fitting = [since for since in model.prepared_since if _at_least(version.value, since.version)]
        why = f"default of {about.name} {version.value}"
        if fitting:
            prepared = Figure(fitting[-1].default, how="default", why=why)
        elif model.prepared_since:
            prepared = Figure(0, how="default", why=f"{about.name} {version.value} follows none")
    return Pooler(
        kind=model.kind,
        site=site,
        mode=mode,
        port=port.value if port else 0,
        default_pool_size=number(model.default_pool_size),
        reserve_pool_size=number(model.reserve_pool_size),
        max_client_conn=number(model.max_client_conn),
        max_prepared_statements=prepared,
        version=version,
        pins=model.pins,
    )


def _at_least(version: str, wanted: str) -> bool:
    def parts(text: str) -> list[int]:
        return [int(part) for part in text.split(".")]

    # `1` alone is any of them: the newest.
    own = parts(version)
    return own >= parts(wanted)[: len(own)] if len(own) == 1 else own >= parts(wanted)


def loose_settings(tree: Tree, path: str, site: Site) -> Iterator[Server | Pooler]:
    """The server or pooler whose settings a file holds, when no container claims it.

    Raises:
        ValueError: the file is not in its format.
    """
    data = tree.read(path)
    if data is None:
        return
    for about, model in tree.models.servers:
        if model.settings and belongs(path, model.settings.files):
            settings = read_settings(data, path, model.settings, {})
            limit = _number(settings, model.limit.settings)
            if limit is not None:
                yield replace(_server(about, model, site, limit, settings), path=path, line=limit.line)
            return
    for about, pooler in tree.models.poolers:
        if pooler.settings and belongs(path, pooler.settings.files):
            settings = read_settings(data, path, pooler.settings, {})
            if settings:
                found = _pooler(about, pooler, site, settings, {}, None)
                line = min(figure.line for figure in settings.values())
                yield replace(found, databases=_databases(path, pooler, tree), path=path, line=line)
            return


def _databases(path: str, model: DatabasePooler, tree: Tree) -> tuple[PoolerDatabase, ...]:
    data = tree.read(path) if path and model.databases else None
    if data is None:
        return ()
    try:
        section = ini_sections(decoded(data), path).get(model.databases, {})
    except ValueError:
        return ()
    return tuple(_database(name, figure) for name, figure in section.items())


def _database(name: str, figure: Figure[str]) -> PoolerDatabase:
    values = dict(re.findall(r"(\w+)\s*=\s*('[^']*'|\S+)", figure.value))
    size = values.get("pool_size", "")
    mode = values.get("pool_mode", "").strip("'")
    return PoolerDatabase(
        name,
        values.get("host", "").strip("'"),
        replace_number(figure, int(size)) if size.isdecimal() else None,
        replace(figure, value=mode) if mode in _MODES else None,
    )


def replace_number(figure: Figure[str], value: int) -> Figure[int]:
    """A number that stands where a text does."""
    return Figure(value, figure.path, figure.line, figure.how, figure.why)


def poolers_in_urls(urls: Iterable[Figure[str]], site: Site, tree: Tree) -> Iterator[Pooler]:
    """The poolers that database URLs lead to, by their hosts and ports."""
    schemes = frozenset(scheme for _, server in tree.models.servers for scheme in server.schemes)
    for url in urls:
        if url.value.split("://", 1)[0].split("+", 1)[0] not in schemes or len(url.value) > 2_000:
            continue
        try:
            parts = urlsplit(url.value)
            host, port = parts.hostname or "", parts.port or 0
        except ValueError:
            continue
        found = pooler_at(host, port, url, site, tree.models)
        if found is not None:
            yield found


def well_known(models: ServerModels) -> Iterator[Pooler]:
    """The poolers that answer at addresses which say so by themselves; the name of each is a pattern with `*`."""
    nowhere = Site("settings", "", "", 0)
    for about, model in models.poolers:
        for one in model.hosts:
            if one.mode == "unknown":  # another's settings are not known, whatever the defaults are
                unknown: Figure[str] = Figure("unknown", how="assumed", why="nothing says it")
                yield Pooler(model.kind, nowhere, unknown, one.pattern, one.port, pins=model.pins)
            else:
                found = _pooler(about, model, nowhere, {}, {}, None)
                yield replace(found, mode=Figure(one.mode), name=one.pattern, port=one.port)


def pooler_at(host: str, port: int, origin: Figure[str], site: Site, models: ServerModels) -> Pooler | None:
    """The pooler that answers at an address; None when it is a server's own, as far as one can tell."""
    found = next((one for one in well_known(models) if one.answers_at(host, port)), None)
    if found is None:
        return None
    mode = replace(found.mode, path=origin.path, line=origin.line)
    if found.mode.value != "unknown":
        mode = replace(mode, why=f"{host}:{port}" if port else host)
    return replace(found, site=site, mode=mode, name=host, port=port, path=origin.path, line=origin.line)


def _words(container: Container) -> tuple[Word, ...]:
    found: list[Word] = []
    for command in (container.entrypoint, container.command):
        for word in command.words if command else ():
            if " " in word.text and len(command.words if command else ()) <= 3:
                found += [inner for words in simple_commands(word.text, word.line) for inner in words]
            else:
                found.append(word)
    return tuple(found)


def _named_options(words: tuple[Word, ...], options: tuple[str, ...], path: str) -> dict[str, Figure[str]]:
    found = {}
    for at, word in enumerate(words):
        text = word.text
        if text in options and at + 1 < len(words):
            text = words[at + 1].text
        elif text[:2] in options:
            text = text[2:]
        else:
            continue
        name, equals, value = text.partition("=")
        if equals:
            found[name.strip().lower().replace("-", "_")] = Figure(value.strip("\"' "), path, word.line)
    return found


def _given(option: Option, words: tuple[Word, ...], container: Container) -> Figure[int] | None:
    word = given(option, words)
    if word is None:
        return None
    found = expand(word.text, container.environment, container.path, word.line).figure
    return replace_number(found, int(found.value)) if found.value.strip().isdecimal() else None


def _number(settings: Mapping[str, Figure[str]], names: tuple[str, ...]) -> Figure[int] | None:
    for name in names:
        figure = settings.get(name)
        found = expand(figure.value, {}, figure.path, figure.line).figure if figure else None
        if found is not None and found.value.strip().isdecimal() and len(found.value) < 10:
            return replace(replace_number(found, int(found.value)), why=found.why or name)
    return None


def _from(environment: Mapping[str, Figure[str]], option: Option) -> Figure[int] | None:
    return _number(environment, option.environment)


def _mounted(container: Container, model: DatabaseServer | DatabasePooler, tree: Tree) -> Mapping[str, Figure[str]]:
    path = _mounted_path(container, model, tree)
    data = tree.read(path) if path and model.settings else None
    if data is None or model.settings is None:
        return {}
    try:
        return read_settings(data, path, model.settings, container.environment)
    except ValueError:
        return {}


def _mounted_path(container: Container, model: DatabaseServer | DatabasePooler, tree: Tree) -> str:
    """The settings file of the project that a container is given."""
    folder = container.path.rpartition("/")[0]
    for mount in container.mounts:
        if model.settings and belongs(mount, model.settings.files):
            path = tree.resolve(mount, folder)
            if path:
                return path
    return ""


def described_server(about: About, model: DatabaseServer, site: Site, settings: Mapping[str, Figure[str]]) -> Server:
    """A server of which nothing but its settings is known."""
    return _server(about, model, site, _number(settings, model.limit.settings), settings)


def hosted_server(tree: Tree, kind: ServerKind, site: Site, name: str, path: str, line: int) -> Iterator[Server]:
    """A server that a hosting service runs: its figures are the defaults."""
    for about, model in tree.models.servers:
        if model.kind == kind:
            yield replace(_server(about, model, site, None, {}), name=name, path=path, line=line)
            return

"""From the files of a project to its deployment. No file can end the run: what is wrong with one becomes a note."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from pooclint.deployment.commands import Run
from pooclint.deployment.compose import is_compose_file, read_compose
from pooclint.deployment.containers import Images, items_of
from pooclint.deployment.databases import loose_settings, poolers_in_urls
from pooclint.deployment.dockerfile import is_dockerfile, read_dockerfile
from pooclint.deployment.environment import is_environment_file, read_environment_files, read_schema_urls
from pooclint.deployment.facts import Deployment, EnvironmentFile, Figure, Note, Pooler, Program, Server, Site
from pooclint.deployment.helm import is_values_file, read_values
from pooclint.deployment.kubernetes import read_kubernetes
from pooclint.deployment.models import ServerModels
from pooclint.deployment.platforms import (
    read_cloud_foundry,
    read_fly,
    read_procfile,
    read_render,
    read_supervisor,
    read_systemd,
)
from pooclint.deployment.programs import Place, program
from pooclint.deployment.serverless import is_sam_template, read_sam, read_serverless
from pooclint.deployment.settings import belongs
from pooclint.deployment.sites import file_site, is_trial
from pooclint.deployment.tree import Container, Image, Item, Tree
from pooclint.deployment.yaml_nodes import YamlError

_MAX_PARSED = 100
"""Compose files, and values of charts, that are read: the nearest to the root."""
MAX_FILES = 3_000
"""Files that are looked at, the nearest to the root first."""
_ONE: Figure[int] = Figure(1, how="assumed", why="nothing says how many instances there are")
_YAML = (".yml", ".yaml")


@dataclass(frozen=True, slots=True)
class _Family:
    """A kind of deployment file that is read one file at a time."""

    is_one: Callable[[str], bool]
    """By the name."""
    read: Callable[[Tree, str], Iterator[Item]]


_FAMILIES = (
    _Family(lambda name: name == "Procfile" or name.startswith("Procfile."), read_procfile),
    _Family(lambda name: name.startswith("fly.") and name.endswith(".toml"), read_fly),
    _Family(lambda name: name in ("render.yaml", "render.yml"), read_render),
    _Family(lambda name: name.startswith("serverless") and name.endswith(_YAML), read_serverless),
    _Family(lambda name: "supervisor" in name and name.endswith((".conf", ".ini")), read_supervisor),
    _Family(lambda name: name.endswith(".service"), read_systemd),
    _Family(lambda name: name.startswith("manifest") and name.endswith(_YAML), read_cloud_foundry),
)


def is_deployment_file(name: str, models: ServerModels) -> bool:
    """True for a file that by its name may say something of a deployment.

    Args:
        name: The file's name, without its folder.
        models: The programs there are, with the names of their settings files.
    """
    if name.endswith((*_YAML, ".prisma", ".sh")) or any(family.is_one(name) for family in _FAMILIES):
        return True
    return (
        "entrypoint" in name.lower()
        or is_dockerfile(name)
        or is_environment_file(name)
        or belongs(name, _settings_patterns(models))
    )


def _settings_patterns(models: ServerModels) -> tuple[str, ...]:
    known = [model.settings for group in (models.runners, models.servers, models.poolers) for _, model in group]
    return tuple(pattern for settings in known if settings for pattern in settings.files)


def read_deployment(
    root: str,
    files: Sequence[str],
    load: Callable[[str], bytes | None],
    models: ServerModels,
    inner: tuple[str, ...] = (),
) -> Deployment:
    """What the deployment files of a project say.

    Args:
        root: The project's folder, absolute.
        files: The files in it that `is_deployment_file` names, absolute, and all others that those may mention.
        load: Gives the bytes of a file; None when it cannot be read.
        models: The programs there are.
        inner: The folders of further projects in it, absolute.

    Returns:
        What they say, with a note on everything that was left out.
    """
    tree = Tree(
        root, tuple(sorted(files, key=lambda path: (path.count(os.sep), path))[:MAX_FILES]), load, models, inner
    )
    found = list(_found(tree))
    images = {item.path: item for item in found if isinstance(item, Image)}
    built = {c.image: c.dockerfile for c in found if isinstance(c, Container) and c.built and c.dockerfile and c.image}
    known = Images(images, built)
    items: list[Item] = []
    for item in found:
        if isinstance(item, Container):
            items += items_of(item, known, tree)
        elif not isinstance(item, Image):
            items.append(item)
    if not any(isinstance(item, Program) for item in items):
        items += _bare_images(tree, known)
    items += _loose(tree, items)
    return _deployment(tree, _ranked(items))


def _found(tree: Tree) -> Iterator[Item]:
    """What the files hold, each read by its reader."""
    names = {path: os.path.basename(path) for path in tree.files}
    taken: set[str] = set()
    for path, name in names.items():
        if is_dockerfile(name):
            yield from _safely(tree, path, lambda t, p: iter((read_dockerfile(t.read(p) or b"", p),)))
            continue
        family = next((family for family in _FAMILIES if family.is_one(name)), None)
        if family:
            yield from _safely(tree, path, family.read)
    compose = [path for path, name in names.items() if is_compose_file(name)]
    yield from read_compose(tree, compose[:_MAX_PARSED])
    values = [path for path in tree.files if path.endswith(_YAML) and is_values_file(path, tree)]
    yield from read_values(tree, values[:_MAX_PARSED])
    rest = [path for path in tree.files if path.endswith(_YAML) and path not in {*taken, *compose, *values}]
    for path in rest:
        data = tree.load(path)
        if data is not None and is_sam_template(data):
            taken.add(path)
            yield from _safely(tree, path, read_sam)
    yield from read_kubernetes(tree, [path for path in rest if path not in taken])
    yield from read_environment_files(tree, [path for path, name in names.items() if is_environment_file(name)])


def _safely(tree: Tree, path: str, read: Callable[[Tree, str], Iterator[Item]]) -> Iterator[Item]:
    try:
        yield from list(read(tree, path))
    except YamlError as error:
        yield tree.note(path, error.line, str(error))
    except ValueError as error:
        yield tree.note(path, 0, str(error).splitlines()[0])


def _bare_images(tree: Tree, images: Images) -> Iterator[Item]:
    """Where nothing says what runs, what the Dockerfiles make does."""
    for path in images.known:
        if is_trial(tree, path):
            continue
        folder = os.path.dirname(path)
        name = os.path.basename(folder if folder != tree.root else tree.root) or "app"
        site = file_site(tree, path, "image")
        container = Container(name, site, path, 1, _ONE, built=True, dockerfile=path, root=folder)
        yield from (
            item
            for item in items_of(container, images, tree)
            if not (isinstance(item, Program) and item.kind == "other")
        )


def _loose(tree: Tree, items: Sequence[Item]) -> Iterator[Item]:
    """Settings files that no container claims."""
    used = {figure.path for item in items for figure in _figures(item)}
    running = {item.runner for item in items if isinstance(item, Program)}
    for path in tree.files:
        if path in used or not belongs(path, _settings_patterns(tree.models)) or is_trial(tree, path):
            continue
        site = file_site(tree, path, "settings")
        yield from _safely(tree, path, lambda t, p, s=site: iter(loose_settings(t, p, s)))  # type: ignore[misc]
        for about, runner in tree.models.runners:
            if runner.settings and belongs(path, runner.settings.files) and runner.names[0] not in running:
                place = Place(runner.names[0], site, _ONE, {}, os.path.dirname(path), path, 1)
                one, notes = program(Run(about, runner, (), path=path, line=1), place, tree, path)
                if any(figure.path == path for figure in _figures(one)):
                    yield one
                yield from notes


def _figures(item: Item) -> Iterator[Figure[int] | Figure[float] | Figure[str]]:
    if isinstance(item, Program):
        yield from (item.processes, item.instances)
        yield from item.timeouts.values()
        if item.threads:
            yield item.threads
    elif isinstance(item, Server):
        yield from (item.max_connections, item.reserved)
    elif isinstance(item, Pooler):
        yield item.mode
        yield from filter(None, (item.default_pool_size, item.max_client_conn, item.reserve_pool_size))


def _deployment(tree: Tree, items: Sequence[Item]) -> Deployment:
    environment = tuple(item for item in items if isinstance(item, EnvironmentFile))
    urls = tuple(_schema_urls(tree, environment))
    found = Deployment(
        root=tree.root,
        programs=tuple(item for item in items if isinstance(item, Program)),
        servers=tuple(item for item in items if isinstance(item, Server)),
        poolers=tuple(item for item in items if isinstance(item, Pooler)),
        environment_files=environment,
        urls=urls,
        notes=tuple(dict.fromkeys(item for item in items if isinstance(item, Note))),
    )
    poolers = list(found.poolers)
    for site in found.sites:
        texts = [figure for one in found.at(site).programs for figure in one.environment.values()]
        poolers += poolers_in_urls((f for f in texts if "://" in f.value), site, tree)
    main = found.sites[0] if found.sites else Site("settings", tree.root, "settings", 0)
    texts = [*urls, *(figure for file in environment for figure in file.variables.values() if "://" in figure.value)]
    poolers += poolers_in_urls(texts, main, tree)
    return _adopted(replace(found, poolers=_distinct(poolers)), main)


def _ranked(items: Sequence[Item]) -> list[Item]:
    """A site of which no program is known says little: all others are looked at first."""
    known = {item.site for item in items if isinstance(item, Program) and item.kind != "other"}
    return [
        replace(item, site=replace(item.site, rank=1 + item.site.rank // 20))
        if isinstance(item, (Program, Server, Pooler)) and item.site not in known and item.site.rank > 0
        else item
        for item in items
    ]


def _schema_urls(tree: Tree, environment: Sequence[EnvironmentFile]) -> Iterator[Figure[str]]:
    known = {name: figure for file in reversed(environment) for name, figure in file.variables.items()}
    for path in tree.files:
        data = tree.read(path) if path.endswith(".prisma") else None
        if data is None:
            continue
        try:
            for url in read_schema_urls(data, path):
                variable = url.value[2:-1] if url.value.startswith("${") else ""
                yield known.get(variable, url)
        except ValueError:
            continue


def _distinct(poolers: Sequence[Pooler]) -> tuple[Pooler, ...]:
    """Each pooler of a site once: what is known of its settings goes before an address that leads to it."""
    kept: list[Pooler] = []
    for one in poolers:
        if not any(
            other.site == one.site and other.kind == one.kind and (other.port == one.port or not other.name)
            for other in kept
        ):
            kept.append(one)
    return tuple(kept)


def _adopted(found: Deployment, main: Site) -> Deployment:
    """Servers and poolers that stand alone belong to the site that is looked at, where it has none of the kind: those
    that only a settings file tells of, and those of sites that run nothing of the project."""
    found = replace(found, poolers=_with_settings(found.poolers))
    here = found.at(main)
    known = {server.kind for server in here.servers} | {pooler.kind for pooler in here.poolers}
    running = {program.site for program in found.programs if program.kind != "other"}

    def is_adopted(one: Server | Pooler) -> bool:
        alone = one.site.system == "settings" or one.site not in running
        return main.rank > 0 and alone and one.site.rank > 0 and one.kind not in known

    return replace(
        found,
        servers=tuple(replace(one, site=main) if is_adopted(one) else one for one in found.servers),
        poolers=tuple(replace(one, site=main) if is_adopted(one) else one for one in found.poolers),
    )


def _with_settings(poolers: Sequence[Pooler]) -> tuple[Pooler, ...]:
    """A container of a pooler that says nothing of its settings has those of the project's one settings file for it,
    which somebody has to mount."""
    kept: list[Pooler] = []
    for one in poolers:
        files = [other for other in poolers if other.kind == one.kind and other.site.system == "settings"]
        if one.mode.how == "default" and one.site.system != "settings" and len(files) == 1:
            prepared = files[0].max_prepared_statements or one.max_prepared_statements
            own = replace(files[0], site=one.site, name=one.name, version=one.version, path=one.path, line=one.line)
            kept.append(replace(own, max_prepared_statements=prepared))
        else:
            kept.append(one)
    return tuple(kept)

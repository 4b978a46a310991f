"""All rules and models there are: the bundled pack, named here and nowhere else, what other distributions add, and what
a configuration says of its project.

The functions import what is heavy: a run without files, or with a mistake in its options, should not have to wait for
it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from pooclint.config import Config, ConfigFinder, code_problem, mistake
from pooclint.models import ModelFile
from pooclint.models.loading import check_references, load_model_file, load_model_files
from pooclint.models.references import type_names
from pooclint.own_rules import OWN_RULES, UnreadableFile
from pooclint.plugins import PackError, pack_models, pack_rules
from pooclint.rule import Rule


def load_rules(packs: Sequence[str] = ()) -> tuple[type[Rule], ...]:
    """Every rule there is, ordered by code: the linter's own, the bundled ones, those of packs.

    Args:
        packs: Names of packs that a configuration enables.

    Raises:
        PackError: a pack cannot be used.
    """
    import pooclint_rules

    rules: dict[str, type[Rule]] = {rule.code: rule for rule in OWN_RULES}
    rules.update({rule.code: rule for rule in pooclint_rules.RULES})
    for pack in dict.fromkeys(packs):
        for rule in pack_rules([pack]):
            if rules.setdefault(rule.code, rule) is not rule:
                raise PackError(pack, f"packs: `{pack}`: the code {rule.code} of {rule.__name__} is taken")
    return tuple(rules[code] for code in sorted(rules))


def rule_codes(packs: Sequence[str] = ()) -> tuple[str, ...]:
    """The codes of all rules, those of packs included; the bundled rules are not imported for that.

    Raises:
        PackError: a pack cannot be used.
    """
    if packs:
        return tuple(rule.code for rule in load_rules(packs))
    import pooclint_rules

    return tuple(sorted((*(rule.code for rule in OWN_RULES), *pooclint_rules.CODES)))


def rules_of(config: Config) -> tuple[type[Rule], ...]:
    """Every rule there is under a configuration.

    Raises:
        ConfigError: a pack that it enables cannot be used.
    """
    try:
        return load_rules(config.settings.packs)
    except PackError as error:
        raise mistake(config, ("packs", error.pack), str(error)) from error


def selection_problem(code: str, file: Path | None = None, isolated: bool = False) -> str:
    """Why a code that was given on a command line selects nothing; an empty text when it is a code, or begins one.

    Args:
        code: The code.
        file: The configuration file that the command line names.
        isolated: True when no configuration is to be read.

    Raises:
        ConfigError: the configuration has to be asked for packs, and cannot be used.
    """
    problem = code_problem(code, rule_codes())
    if not problem:
        return ""
    # Perhaps it is of a pack that the configuration here enables.
    config = ConfigFinder(rule_codes, None, file, isolated).for_folder(Path.cwd())
    return code_problem(code, [rule.code for rule in rules_of(config)]) if config.settings.packs else problem


def model_paths() -> list[Path]:
    """The files of the bundled library and framework models."""
    import pooclint_rules

    return list(pooclint_rules.MODEL_FILES())


def bundled_models() -> tuple[ModelFile, ...]:
    """The bundled models, ordered by name, with the entries of all versions.

    Raises:
        ModelError: a file is not valid; the text names it.
    """
    import pooclint_rules

    files = load_model_files(model_paths(), pooclint_rules.COMPILED_MODELS)
    return tuple(sorted(files, key=lambda file: file.library.name.lower()))


def models_of(config: Config) -> tuple[ModelFile, ...]:
    """The bundled models, those of packs, and what a configuration adds, in this order: a later entry wins.

    Raises:
        ConfigError: a pack or a file that the configuration names cannot be used.
        ModelError: a model file has a mistake.
    """
    return tuple(file for _, file in model_sources(config))


def model_sources(config: Config) -> tuple[tuple[str, ModelFile], ...]:
    """The models as `models_of` gives them, each with where it comes from; empty for the bundled ones.

    Raises:
        ConfigError: a pack or a file that the configuration names cannot be used.
        ModelError: a model file has a mistake.
    """
    from pooclint.models.own import external_model, resource_model

    settings = config.settings
    found = [("", file) for file in bundled_models()]
    paths: list[tuple[str, Path]] = []
    try:
        paths += [(f"pack {pack}", path) for pack, path in pack_models(settings.packs)]
    except PackError as error:
        raise mistake(config, ("packs", error.pack), str(error)) from error
    for name in settings.models:
        path = config.root / name
        if not path.is_file():
            raise mistake(config, ("models", name), f"models: there is no file `{name}` in {config.root}")
        paths.append((name, path))
    files = [(origin, path, load_model_file(path)) for origin, path in paths]
    found += [(origin, file) for origin, _, file in files]
    found += [("your configuration", resource_model(resource)) for resource in settings.resource]
    found += [("your configuration", external_model(external)) for external in settings.external_call]
    if files:
        types = {name for _, file in found for name in type_names(file)}
        for _, path, file in files:
            check_references(path, file, types)
    return tuple(found)


def select_rules(
    rules: Sequence[type[Rule]],
    select: Sequence[str] | None = None,
    extend_select: Sequence[str] = (),
    ignore: Sequence[str] = (),
) -> tuple[type[Rule], ...]:
    """The rules that are on.

    Args:
        rules: All there are.
        select: Beginnings of codes; `None` stands for the rules that are on by default.
        extend_select: Beginnings of codes, in addition.
        ignore: Beginnings of codes. Where both match a code, the longer one wins, and `ignore` wins a tie.

    Returns:
        The chosen rules in their order.
    """
    chosen = []
    for rule in rules:
        wanted = _longest(rule.code, (*(select or ()), *extend_select))
        # A file that cannot be read is reported whatever is selected: silence would look like a clean result.
        if wanted < 0 and rule.default and (select is None or rule is UnreadableFile):
            wanted = 0
        if wanted > _longest(rule.code, ignore):
            chosen.append(rule)
    return tuple(chosen)


def _longest(code: str, prefixes: Iterable[str]) -> int:
    return max((len(prefix) for prefix in prefixes if prefix and code.startswith(prefix)), default=-1)

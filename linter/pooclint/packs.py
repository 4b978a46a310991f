"""The bundled rule pack, named here and nowhere else, and which of its rules are on.

The functions import it: a run without files, or with a mistake in its options, should not have to wait for it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from pooclint.models import ModelFile
from pooclint.models.loading import load_model_files
from pooclint.own_rules import OWN_RULES, UnreadableFile
from pooclint.rule import Rule


def load_rules() -> tuple[type[Rule], ...]:
    """Every rule there is, the linter's own included, ordered by code."""
    import pooclint_rules

    rules: dict[str, type[Rule]] = {rule.code: rule for rule in OWN_RULES}
    rules.update({rule.code: rule for rule in pooclint_rules.RULES})
    return tuple(rules[code] for code in sorted(rules))


def rule_codes() -> tuple[str, ...]:
    """The codes of all rules."""
    return tuple(rule.code for rule in load_rules())


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

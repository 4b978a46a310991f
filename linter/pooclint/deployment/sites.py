"""Which files of a project describe one deployment, and which of several is likely to be the real one."""

from __future__ import annotations

import os
import re

from pooclint.deployment.facts import Site, System
from pooclint.deployment.tree import Tree

_RANK: dict[System, int] = {
    "configuration": 1000,
    "kubernetes": 60,
    "serverless": 55,
    "platform": 50,
    "procfile": 40,
    "compose": 30,
    "image": 20,
    "settings": 10,
}
_INNER = 40
_TRIAL_COSTS = 100
_REAL = frozenset(
    {"prod", "production", "prd", "live", "release", "deploy", "deployment", "deployments", "infra", "ops"}
)
_STAGES = frozenset({"prod", "production", "prd", "live", "staging", "stage", "stg", "preprod", "uat", "qa", "canary"})
_TRIAL = frozenset(
    {
        "dev", "devel", "develop", "development", "devcontainer", "local", "debug", "override", "sandbox", "playground",
        "test", "tests", "testing", "ci", "e2e", "integration", "fixtures", "cypress", "github", "perf", "loadtest",
        "bench", "benchmark", "benchmarks", "example", "examples", "sample", "samples", "demo", "demos", "docs", "doc",
        "tutorial", "tutorials", "quickstart", "notebooks", "experiments", "minimal", "contrib", "templates",
    }
)  # fmt: skip


def words_of(tree: Tree, path: str) -> list[str]:
    """The words in a path below the root, in lower case."""
    return [word for word in re.split(r"[^a-z0-9]+", tree.shown(path).lower()) if word]


def is_trial(tree: Tree, path: str) -> bool:
    """True for files that by their path are for development, tests or reading."""
    return not _TRIAL.isdisjoint(words_of(tree, path))


def rank(tree: Tree, path: str, system: System) -> int:
    """How likely a file of a kind describes what runs in production."""
    # Manifests go by general names; their folders say what they are for.
    words = words_of(tree, os.path.dirname(path) if system == "kubernetes" else path)
    real = 8 if not _REAL.isdisjoint(words) else 0
    staging = 4 if not real and not _STAGES.isdisjoint(words) else 0
    trial = _TRIAL_COSTS if not _TRIAL.isdisjoint(words) else 0
    trial += 10 if "base" in words else 0
    depth = min(tree.shown(path).count("/"), 6)
    found = _RANK[system] + real + staging - trial - depth
    # What lies in a further project is that one's own; here it counts when there is nothing else.
    is_inner = any(path.startswith(folder + os.sep) for folder in tree.inner)
    return max(found - _INNER, 1) if is_inner and found > 0 else found


def file_site(tree: Tree, path: str, system: System, label: str = "") -> Site:
    """The site that one file describes."""
    return Site(system, os.path.dirname(path), label or tree.shown(path), rank(tree, path, system))


def stage(tree: Tree, path: str) -> str:
    """The stage that a manifest is for, by the names of its folders; empty when they say nothing."""
    folders = tree.shown(os.path.dirname(path)).lower().split("/")
    return next((f for f in reversed(folders) if f in _STAGES or f in _TRIAL), "")

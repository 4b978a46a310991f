"""Library and framework models: what is known about the outside world, as data.

`schema` says what a model file may hold, `loading` reads one, `lookup` answers what the analysis asks.

A model is a TOML file (`rules/pooclint_rules/libraries/*.toml`, `rules/pooclint_rules/frameworks/*.toml` or a user's
own); the analysis itself names no library.
"""

from __future__ import annotations

from pooclint.models.acquisition import Acquisition
from pooclint.models.loading import ModelError, load_model_file, load_models, parse_model
from pooclint.models.lookup import Models
from pooclint.models.schema.calls import Call, Category, External
from pooclint.models.schema.figures import Idle, Parameter, Size
from pooclint.models.schema.file import ModelFile
from pooclint.models.schema.frameworks import Dependency, RequestHold, Scope, Teardown
from pooclint.models.schema.library import Instrumentation, Library
from pooclint.models.schema.release import Release, ReleaseText, parse_release
from pooclint.models.schema.server import Prepares, ServerSetting, SessionState
from pooclint.models.schema.settings import PoolSetting, Setting
from pooclint.models.schema.table import Argument
from pooclint.models.schema.types import Exit, Form, Kind, Reclaimed, Type

__all__ = [
    "Acquisition",
    "Argument",
    "Call",
    "Category",
    "Dependency",
    "Exit",
    "External",
    "Form",
    "Idle",
    "Instrumentation",
    "Kind",
    "Library",
    "ModelError",
    "ModelFile",
    "Models",
    "Parameter",
    "PoolSetting",
    "Prepares",
    "Reclaimed",
    "Release",
    "ReleaseText",
    "RequestHold",
    "Scope",
    "ServerSetting",
    "SessionState",
    "Setting",
    "Size",
    "Teardown",
    "Type",
    "load_model_file",
    "load_models",
    "parse_model",
    "parse_release",
]

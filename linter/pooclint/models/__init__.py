"""Library and framework models: what is known about the outside world, as data.

`schema` says what a model file may hold, `loading` reads one, `lookup` answers what the analysis asks.
"""

from __future__ import annotations

from pooclint.models.loading import ModelError, load_model_file, load_models, parse_model
from pooclint.models.lookup import Models
from pooclint.models.schema import (
    Acquisition,
    Argument,
    Call,
    Category,
    Dependency,
    Exit,
    External,
    Form,
    Instrumentation,
    Kind,
    Library,
    ModelFile,
    Parameter,
    PoolSetting,
    Prepares,
    Reclaimed,
    Release,
    ReleaseText,
    RequestHold,
    Scope,
    ServerSetting,
    SessionState,
    Setting,
    Size,
    Teardown,
    Type,
    parse_release,
)

__all__ = [
    "Acquisition",
    "Argument",
    "Call",
    "Category",
    "Dependency",
    "Exit",
    "External",
    "Form",
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

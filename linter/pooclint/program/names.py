"""All that can be asked about names and expressions, in one object.

Who answers: `imports` (qualified names, and what they lead to in the project), `definitions` (functions and classes of
the project), `decorators`, `annotations`, `injections`, `types` (of expressions) and `modelled_calls` (which entries of
the models a call meets). Each of these modules asks only those before it in the list. Three questions lead back: what
`app.Pool.get` is depends on the methods that `Pool` inherits, which method `pool.get` is on the type of `pool`, and the
type of `get()` on what the models say of that call. These three are handed over here, and nowhere else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pooclint.models import Acquisition, Models
from pooclint.program.annotations import Annotations
from pooclint.program.circles import Circles, Memo
from pooclint.program.consulted import Consulted
from pooclint.program.decorators import Decorators
from pooclint.program.definitions import Definitions
from pooclint.program.imports import Imports
from pooclint.program.injections import Injections
from pooclint.program.modelled_calls import ModelledCalls
from pooclint.program.modules import Modules
from pooclint.program.types import Types

if TYPE_CHECKING:
    from pooclint.program.constants import Constant
    from pooclint.program.supplies import Supply


class Names:
    """Look-up over the modules of a project and the models. Its only state is a memo."""

    def __init__(self, models: Models, modules: Modules | None = None) -> None:
        """Prepare to look things up.

        Args:
            models: what is known of libraries and frameworks.
            modules: the module graph; None where a file is looked at alone.
        """
        self.models = models
        self.modules = modules
        self.circles = Circles(modules.exports.places.consulted if modules else Consulted(kept=False))
        """Of all questions about the project that may lead to themselves."""
        self.only_called: Memo[tuple[int, str], bool] = {}
        """By class and attribute, what `program/attributes.py` has found of it."""
        self.not_yet_set: Memo[tuple[int, int], frozenset[str]] = {}
        """By constructor and node, the attributes that it has found to have no value yet."""
        self.takes_over: Memo[tuple[int, frozenset[str], frozenset[str]], frozenset[str]] = {}
        """By class, what it has found its methods to do with what the constructor is given."""
        self.made_here: Memo[tuple[int, str], bool] = {}
        """By function and type, whether `flow/external.py` has found it to make what it awaits of that type itself."""
        self.harmless: Memo[int, bool] = {}
        """By function, whether `program/failing.py` has found that a call of it cannot raise."""
        self.supplies: Memo[int, tuple[Supply, ...]] = {}
        """By function, which of its parameters `program/supplies.py` has found its decorators to fill."""
        self.only_keeps: Memo[tuple[int, str, frozenset[str]], bool] = {}
        """By class and attribute, whether it has found its objects to do no more with what is put there than use it."""
        self.kept_sessions: Memo[tuple[int, int], tuple[tuple[str, Acquisition], ...]] = {}
        """By class and how many attributes lead there, what `flow/given.py` has found on its objects."""
        self.constants: Memo[int, Constant | None] = {}
        """By name or call, what `program/constants.py` has found it to be worth."""
        self.texts: Memo[int, str] = {}
        """By name or call, the text for which it has found it to stand."""

        imports = Imports(models, modules, self.circles)
        definitions = Definitions(imports)
        decorators, annotations = Decorators(definitions), Annotations(definitions)
        injections = Injections(definitions)
        types = Types(imports, definitions, decorators, annotations)
        calls = ModelledCalls(imports, definitions, types)
        imports.method = definitions.method
        definitions.form_of, definitions.type_of_target = types.form_of, types.type_of_target
        types.calls = calls.calls
        self.types = types
        self._memos = (imports, definitions, types, calls)

        self.qualify = imports.qualify
        self.target = imports.target
        self.leads_to = imports.leads_to
        self.looks_around = imports.looks_around
        self.definition = definitions.definition
        self.local_class = definitions.local_class
        self.local_type = definitions.local_type
        self.ancestors = definitions.ancestors
        self.base_names = definitions.base_names
        self.method = definitions.method
        self.setter = definitions.setter
        self.own_attributes = definitions.own_attributes
        self.is_class_method = definitions.is_class_method
        self.own_class = definitions.own_class
        self.is_context_manager = decorators.is_context_manager
        self.is_property = decorators.is_property
        self.stands_for = decorators.stands_for
        self.shows = decorators.shows
        self.is_for_own_class = decorators.is_for_own_class
        self.has_receiver = decorators.has_receiver
        self.is_plain = decorators.is_plain
        self.is_abstract = decorators.is_abstract
        self.runs_once = decorators.runs_once
        self.runs_in_first_call = decorators.runs_in_first_call
        self.annotated = annotations.annotated
        self.injected = injections.injected
        self.is_injection = injections.is_injection
        self.dependency = injections.dependency
        self.type_of = types.type_of
        self.type_of_name = types.type_of_name
        self.types_of = types.types_of
        self.element_type = types.element_type
        self.looked_up = types.looked_up
        self.attribute_type = types.attribute_type
        self.modelled_base = types.modelled_base
        self.returned_type = types.returned_type
        self.yielded_type = types.yielded_type
        self.entered_type = types.entered_type
        self.provided = types.provided
        self.origin = types.origin
        self.calls = calls.calls

    def forget(self) -> None:
        """Forget what was looked up so far. Those who answer refer to each other, and no reference count takes a circle
        apart: nothing of a tree may stay behind."""
        for memo in self._memos:
            memo.forget()
        self.only_called.clear()
        self.not_yet_set.clear()
        self.takes_over.clear()
        self.made_here.clear()
        self.harmless.clear()
        self.supplies.clear()
        self.only_keeps.clear()
        self.kept_sessions.clear()
        self.constants.clear()
        self.texts.clear()
        self.circles.forget()

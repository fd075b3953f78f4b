"""Imports that wait.

A module that redis-py imports, but that nobody may ever need, is executed when somebody first asks for anything in it.
Whoever imports it meanwhile, wherever that is, gets that same module.
"""

from __future__ import annotations

import sys
import threading
from types import ModuleType
from typing import Any

_LOADING = threading.RLock()


class Postponed(ModuleType):
    """A module that is executed when something is missing in it; other threads wait until it is whole."""

    _begun: bool

    def __getattr__(self, name: str) -> Any:
        with _LOADING:
            state = vars(self)
            if type(self) is Postponed:
                if "_begun" in state:
                    # It, or what it imports, looks for something that is not there yet.
                    raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")
                state["_begun"] = True
                try:
                    spec: Any = self.__spec__
                    spec.loader.exec_module(self)
                    self.__class__ = ModuleType  # type: ignore[assignment]
                finally:
                    del state["_begun"]
        return getattr(self, name)


def postpone(name: str) -> None:
    """Have the module `name`, of a package that is imported, imported when it is first used, unless it is already."""
    if name in sys.modules:
        return
    from importlib.util import find_spec  # the import of this module is to be short, too

    spec = find_spec(name)
    if spec is None or spec.loader is None:
        return
    module = Postponed(name)
    # What an import sets.
    module.__spec__, module.__loader__, module.__file__ = spec, spec.loader, spec.origin
    module.__package__ = name if spec.submodule_search_locations is not None else spec.parent
    if spec.submodule_search_locations is not None:
        module.__path__ = spec.submodule_search_locations
    sys.modules[name] = module
    package, _, last = name.rpartition(".")
    if package:
        setattr(sys.modules[package], last, module)

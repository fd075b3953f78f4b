"""What commands mean: one file a command group, each command declared on its function."""

import functools
import importlib
import pkgutil


@functools.cache
def load() -> None:
    """Import every module of this room, so that `declare.REGISTRY` is complete."""
    for module in pkgutil.iter_modules(__path__):
        importlib.import_module(f"{__name__}.{module.name}")

"""What commands mean: one file a command group, each command declared on its function."""

import functools
import importlib
import os


@functools.cache
def load() -> None:
    """Import every module of this room, so that `declare.REGISTRY` is complete."""
    found = {file.partition(".")[0] for file in os.listdir(__path__[0]) if file.endswith((".py", ".so"))}
    for module in sorted(found - {"__init__"}):
        importlib.import_module(f"{__name__}.{module}")

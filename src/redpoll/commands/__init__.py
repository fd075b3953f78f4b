"""What commands mean: one file a command group, each command declared on its function."""

import importlib
import pkgutil

# Modules of this room that declare no commands.
_HELPERS = frozenset(
    (
        *("braille", "call", "client_filters", "dataset_digest", "declare", "flags", "integers", "key_finders"),
        *("options", "stream_words", "usage"),
    )
)


def load() -> None:
    """Import every module of this room, so that `declare.REGISTRY` is complete."""
    for module in pkgutil.iter_modules(__path__):
        if module.name not in _HELPERS:
            importlib.import_module(f"{__name__}.{module.name}")

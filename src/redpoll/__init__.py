"""Redpoll: Redis for Python people."""

from redpoll.version import VERSION

__version__ = VERSION

__all__ = ["__version__"]

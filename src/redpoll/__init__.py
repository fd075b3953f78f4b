"""Redpoll: Redis for Python people."""

from redpoll.version import VERSION as __version__

__all__ = ["__version__"]

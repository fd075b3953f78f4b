"""Configuration: directives and their types, the grammar of files, CONFIG GET, SET and REWRITE."""

from redpoll.server.config.config import Config
from redpoll.server.config.grammar import ConfigError
from redpoll.server.config.values import EVENT_CLASSES, BadValue

__all__ = ["EVENT_CLASSES", "BadValue", "Config", "ConfigError"]

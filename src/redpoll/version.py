"""Versions that the server tells of itself."""

VERSION = "0.1.0"

# The newest Redis whose core commands clients may expect here; `INFO` and `HELLO` say it.
REDIS_VERSION = "8.10.1"

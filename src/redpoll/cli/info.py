"""INFO, read."""

from __future__ import annotations


def parse_info(text: bytes) -> dict[str, str]:
    """Return the fields of INFO."""
    fields = {}
    for line in text.decode("utf-8", "replace").splitlines():
        name, separator, value = line.partition(":")
        if separator and not line.startswith("#"):
            fields[name] = value
    return fields

"""Formats of files and payloads: bytes to engine structures and back, without files, clocks or words."""

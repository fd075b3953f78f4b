"""Structures and the wire against models, with inputs that nobody thought of."""

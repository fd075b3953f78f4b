"""Tests of declarations and of plain handlers."""

"""Tests of single modules, laid out as the sources are."""

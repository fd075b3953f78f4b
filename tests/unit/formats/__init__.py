"""Tests of file and payload formats."""

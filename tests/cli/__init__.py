"""Tests of `redpoll-cli`."""

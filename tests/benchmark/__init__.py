"""Tests of `redpoll-benchmark`."""

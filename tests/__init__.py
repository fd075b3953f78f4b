"""Redpoll's tests; `resp`, `peers`, `notation` and `transcript` are what they stand on."""

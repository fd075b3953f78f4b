"""Inputs grown by what they reach: `make fuzz`."""

"""The tests' own framework."""

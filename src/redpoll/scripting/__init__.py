"""Lua 5.1: what runs scripts and functions, and how they reach the server. The only room that needs lupa."""

"""Crashes, power cuts, failing disks and damaged files."""

"""Data on disk: RDB and AOF files, written in the background, loaded, checked."""

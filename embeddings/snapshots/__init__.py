"""Snapshots: the immutable output of a build, and where it is published."""

"""Snapshots: what a build leaves on disk, opened and published."""

"""The release gate: compares a new snapshot with the served one before it is published."""

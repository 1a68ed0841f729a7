"""The release gate: compares a new snapshot with the served one."""

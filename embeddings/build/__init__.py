"""The batch job: sources in, a published snapshot out. Read `job` first."""

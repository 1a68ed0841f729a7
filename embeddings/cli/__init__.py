"""The commands of the batch job, and their output."""

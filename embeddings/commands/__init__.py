"""The commands of the batch side, and what they print."""

"""The batch job: reads sources, builds a snapshot and publishes it. Start reading at `job`."""

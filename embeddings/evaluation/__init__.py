"""Judged queries: measures, significance, calibration."""

"""Evaluation on qrels: measures, significance and calibration."""

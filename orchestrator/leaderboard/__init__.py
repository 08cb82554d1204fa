"""Leaderboards of methods, from the record in MLflow alone."""

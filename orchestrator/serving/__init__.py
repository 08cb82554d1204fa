"""Logs a finished trial as a model of MLflow, and answers the model's requests."""

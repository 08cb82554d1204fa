"""A finished trial as a model of MLflow: what is logged, and what answers."""

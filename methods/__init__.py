"""Continual-learning methods in plain PyTorch: no Ray, no MLflow, no files, no command lines."""

"""Continual-learning methods in plain PyTorch: no Ray, no MLflow, no command lines; files: weights alone."""

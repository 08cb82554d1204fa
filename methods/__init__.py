"""Continual-learning methods in plain PyTorch: no Ray, no MLflow, no command lines. The only files read are
weights.
"""

"""Experiment orchestration for vision-language continual learning on Ray."""

__version__ = "0.1.0"

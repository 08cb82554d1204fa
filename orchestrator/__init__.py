"""Experiment orchestration for vision-language continual learning on Ray."""

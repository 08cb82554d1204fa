"""The record of a sweep in MLflow. Only the driver writes it, and only this package imports mlflow."""

from .environment import environment_tags
from .names import CONFIGURATION, TASKS, in_order, recorded
from .summary import Summary
from .tracker import Tracker

__all__ = ["CONFIGURATION", "TASKS", "Summary", "Tracker", "environment_tags", "in_order", "recorded"]

"""The record of a sweep in MLflow. Only the driver writes; nothing outside this package imports mlflow."""

from .environment import environment_tags
from .tracker import Summary, Tracker

__all__ = ["Summary", "Tracker", "environment_tags"]

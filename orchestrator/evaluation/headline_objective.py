"""The objective by which runs without a search are compared."""

from __future__ import annotations

from methods.method import Scenario

from .objective import Objective
from .protocol import HEADLINE


def headline_objective(scenario: Scenario) -> Objective:
    """The scenario's headline on validation data, higher being better."""
    return Objective(f"validation/{HEADLINE[scenario]}", "max")

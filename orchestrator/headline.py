"""The metric that a run is judged by."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from methods.method import Scenario

HEADLINE: dict[Scenario, str] = {"retrieval": "seen/r_mean", "recognition": "average", "vqa": "average"}
"""The metric that a run is judged by where nobody names another."""

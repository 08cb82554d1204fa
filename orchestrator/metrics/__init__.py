"""Metrics: pure functions of arrays, as they were published."""

"""Replays of recorded searches under other stopping rules."""

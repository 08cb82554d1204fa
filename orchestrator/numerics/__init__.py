"""Numbers that must be finite, and alike at every run."""

"""Numbers that must be finite, and the same in every run."""

"""Features of frozen encoders, computed once and shared by every trial."""

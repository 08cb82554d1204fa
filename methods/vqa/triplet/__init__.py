"""The parts of TRIPLET and its baselines."""

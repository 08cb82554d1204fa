"""What TRIPLET and its baselines are made of."""

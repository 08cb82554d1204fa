"""Makes batches from global rows. This room knows nothing of Ray."""

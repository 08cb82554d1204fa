"""From global rows to batches. This room knows nothing of Ray."""

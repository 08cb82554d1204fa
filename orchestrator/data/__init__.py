"""From global rows to batches. Knows nothing of Ray."""

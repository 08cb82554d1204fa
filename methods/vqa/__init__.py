"""Methods of visual question answering, and their baselines."""

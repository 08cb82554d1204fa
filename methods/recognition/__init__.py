"""Methods that recognise classes, and their baselines."""

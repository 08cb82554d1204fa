"""A run's own record: progress, trials, figures."""

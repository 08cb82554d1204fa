"""Commands from their first to their last line: arguments, checks, a sweep, a training run."""

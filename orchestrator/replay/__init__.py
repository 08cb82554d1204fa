"""Replay: its configuration, a trial's memory, selection policies. Row numbers only; knows nothing of Ray."""

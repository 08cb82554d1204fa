"""Makes questions about scenes, and their answers."""

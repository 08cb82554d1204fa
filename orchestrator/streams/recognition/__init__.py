"""Streams whose classes arrive task by task."""

"""Captions and questions as token rows."""

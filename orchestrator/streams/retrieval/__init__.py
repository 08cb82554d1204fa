"""Streams of pictures with captions."""

"""Streams of questions about pictures."""

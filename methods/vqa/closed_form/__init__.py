"""Closed-form methods of visual question answering: answers are the classes of frozen queries."""

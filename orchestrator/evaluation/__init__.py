"""Evaluation by scenario: the score of each, the code that measures it, and the one look at test data."""

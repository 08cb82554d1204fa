"""Strict YAML, typed values, one-line errors."""

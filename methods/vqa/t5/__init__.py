"""A T5 over words and regions."""

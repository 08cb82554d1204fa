"""The published files of visual questions, checked record by record."""

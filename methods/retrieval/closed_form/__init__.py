"""Retrieval without gradients: what follows from frozen towers by a formula."""

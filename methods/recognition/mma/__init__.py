"""MMA, the multi-modal adapter (Seputis et al., arXiv 2409.02958)."""

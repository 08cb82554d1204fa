"""Image and text encoders of timm and transformers behind small adapters."""

"""Methods of image-text retrieval, and their baselines."""

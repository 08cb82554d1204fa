"""VQACL: compositional and continual visual question answering (Zhang et al., CVPR 2023)."""

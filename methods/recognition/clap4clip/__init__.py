"""The parts of CLAP4CLIP (Jha et al., NeurIPS 2024)."""

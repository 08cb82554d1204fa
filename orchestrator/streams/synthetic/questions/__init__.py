"""Questions about scenes: what can be asked, and what is true."""

"""Where the shipped weights come from."""

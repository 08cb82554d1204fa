"""What lies in the runs folder: told of, shown, and removed."""

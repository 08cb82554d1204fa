"""What methods of all scenarios share."""

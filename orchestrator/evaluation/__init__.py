"""What each scenario's score is, who measures it, and the one look at test data."""

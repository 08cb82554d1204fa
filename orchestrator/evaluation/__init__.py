"""Says what each scenario's score is and who measures it, and holds the one look at test data."""

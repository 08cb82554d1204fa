"""Where tasks come from: generated worlds and readers of real data sets."""

"""The sources of tasks: generated worlds and readers of real data sets."""

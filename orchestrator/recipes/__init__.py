"""Published tables as configurations: ``--recipe METHOD/NAME``."""

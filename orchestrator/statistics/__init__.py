"""Statistics of a study: which differences between methods can be trusted. Pure functions of figures."""

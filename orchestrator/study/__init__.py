"""A study: methods tuned alike, confirmed over pairs of seed and order, and compared."""

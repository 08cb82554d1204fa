"""Methods that need no gradient: their classifiers follow by a formula from sums over the samples."""

"""A generated world: scenes of drawn things, their pictures and what can be said of them."""

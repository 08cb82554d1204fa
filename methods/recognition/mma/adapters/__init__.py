"""MMA's adapter and its fusion variants: modules that compare pictures with classes."""

"""Classifiers that follow by a formula from sums over samples, whatever their classes are."""

"""Classifiers that a formula gives from sums over samples, whatever their classes are."""

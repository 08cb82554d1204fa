"""The stream in Ray's object store. No other room puts arrays there."""

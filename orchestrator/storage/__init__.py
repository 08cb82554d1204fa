"""Run folders, checkpoints, files that appear whole, and storages at a URL."""

"""One trial's walk over a stream: task, phase, step, exemplars. The first thing to read."""

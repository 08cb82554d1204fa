"""The search space, the sampler, the scheduler, and what Tune calls."""

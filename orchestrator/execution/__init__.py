"""Ray, the lanes and their workers, the dispatcher, and sharing a cluster with other sweeps."""

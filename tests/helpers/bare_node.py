"""A node of a test's own Ray."""

BARE_NODE = {"include_dashboard": False, "include_log_monitor": False, "no_monitor": True}
"""Options of ``Cluster.add_node``: without the processes that nobody asks anything."""

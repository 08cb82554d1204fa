"""The resources that the machine lets this process use."""

"""What the machine lets this process have."""

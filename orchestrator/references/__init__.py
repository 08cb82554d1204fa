"""Reference runs beside a method: which there are, how they are derived, and what they are called."""

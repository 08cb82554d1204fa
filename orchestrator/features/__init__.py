"""What a frozen encoder gives, computed once and shared by every trial."""

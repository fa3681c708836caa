"""What the machine does for a process."""

"""What happens next: the process of each kind of case."""

"""What is true: rules, pure and without a clock."""

"""Everything the project promises, tried."""

"""What travels between processes: ids and plain values, nothing personal."""

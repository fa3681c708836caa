"""What people may do about jobs, safe payments held in trust, and arbitration on them (E1 to E6)."""

"""The ledger at its speed: postings, batches, a shared account, a hot one, and ten million entries in the tables."""

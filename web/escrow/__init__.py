"""The pages of safe payments: jobs, what each side does with a payment, arbitration and its desk (E1 to E8)."""

"""The pages of the identity review: a member's identity, its form, mending it, and the officer's desk (F4)."""

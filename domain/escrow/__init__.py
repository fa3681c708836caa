"""Safe payments held in trust, «پرداخت امن»: policy, rules and words (docs/rules.md, E1 to E8)."""

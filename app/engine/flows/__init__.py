"""Do: one file per business event. Session first, batches of facts; never commit, never call the network or each other."""

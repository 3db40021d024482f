"""Do: one file per business event. Session first, batches of facts; no commit, no network, no calls to each other."""

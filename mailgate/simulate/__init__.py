"""The same three paths with a virtual clock and a scratch store: what would have happened, without waiting for it."""

"""Who works on what: leases, the window of the next tasks, and leases that run out."""

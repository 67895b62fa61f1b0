"""Search: the network for a budget. Spaces, objectives, strategies, NetAdapt, sweeps. README.md is the guide."""

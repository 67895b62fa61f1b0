"""Profiles of whole networks: any device from a list of timed networks. Start at `profile` and `fitting`."""

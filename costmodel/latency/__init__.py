"""Graph and device profile to milliseconds: features, liveness, caches, trees, the profile itself."""

"""From timings to a device profile: which networks, the fit, held-out networks, validation."""

"""What a session holds: scenario, browser events, autosave, links."""

"""One search as a value: its settings, its outcome in words and tables, its baselines. Start at `settings.Settings`."""

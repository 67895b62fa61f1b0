"""One search as a value: settings, outcome in words and tables, baselines. Start at `settings.SearchSettings`."""

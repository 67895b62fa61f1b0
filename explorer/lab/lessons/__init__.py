"""The article's lessons beside the guidelines: networks, charts and curves."""

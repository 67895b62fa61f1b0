"""The page "Search": the network for a latency, as a job with a live figure. Start at `page.render`."""

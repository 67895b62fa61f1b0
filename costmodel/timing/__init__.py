"""The stopwatch, clocks inside a running network, timing sessions and their records."""

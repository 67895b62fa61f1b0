"""What a sweep says of its space: distributions, what parameters change, their good ranges. Start at `sweep_table`."""

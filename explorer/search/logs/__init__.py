"""Logs that a killed search continues from: `plan_log` says what one is, the others are one kind each."""

"""Counts that need no clock: multiply-adds, parameters, memory access, fragmentation, and other tools' counts."""

"""Costs in words and tables: DataFrames, metric names, tiles, the report."""

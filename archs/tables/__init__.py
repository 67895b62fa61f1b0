"""The papers' tables: rows, the `Spec` that holds them, their blocks, and the conversions between table and graph."""

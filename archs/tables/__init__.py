"""The papers' tables: rows, the `Spec` that holds them, their blocks, and both ways between table and graph."""

"""Figures of searches: what one found, the steps of an adaptation, candidates within a budget."""

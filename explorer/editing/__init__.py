"""Edits of a network without a page: scenario, history, repair, advisor, links, differences."""

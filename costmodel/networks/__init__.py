"""Synthetic networks that only imports contain: a style and a seed name one."""

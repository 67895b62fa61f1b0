"""Calibrating from the page: the job and its process, what a profile is judged by, the figure of it."""

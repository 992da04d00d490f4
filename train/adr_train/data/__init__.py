"""Data sets: fetching, reading, splitting, and their discrete variables."""

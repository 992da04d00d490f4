"""The shipped recipes and their reader."""

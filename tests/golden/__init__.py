"""What a redesign must not change: see `commands`."""

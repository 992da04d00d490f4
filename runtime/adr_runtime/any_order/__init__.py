"""Models that generate variables in any order (ARDM)."""

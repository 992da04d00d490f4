"""Models that generate token by token (ADR)."""

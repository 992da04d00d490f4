"""Models that fill in the masked tokens of a picture in any order, several at a time (ADR and MAR)."""

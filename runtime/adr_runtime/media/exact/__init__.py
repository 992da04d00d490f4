"""Files read exactly and written back exactly, from their own bytes."""

"""Lossless compression with any-order models."""

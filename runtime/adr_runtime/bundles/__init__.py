"""The format of bundles, whatever family a model is of: reading, checking, describing."""

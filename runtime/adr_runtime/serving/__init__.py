"""An HTTP server for bundles, with the endpoints that OpenAI's clients call (extra `serve`)."""

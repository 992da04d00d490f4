"""ONNX Runtime: sessions, providers, memory, and what graphs put out."""

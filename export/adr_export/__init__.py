"""Export of ADR: a checkpoint becomes a bundle of ONNX graphs, checked against PyTorch before it is written."""

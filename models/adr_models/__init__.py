"""PyTorch modules of ADR, with their configs: retention, backbone, diffusion head, token geometries."""

from adr_models.causal.model import ADRConfig, ADRModel

__all__ = ["ADRConfig", "ADRModel"]

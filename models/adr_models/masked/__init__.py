"""ADR in any order: tokens that are masked, a network that sees both sides, the diffusion head (MAR)."""

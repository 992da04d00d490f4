"""ADR itself: causal backbone, diffusion head, schedule, loss, generation."""

"""adr-eval: figures of generated samples and of likelihoods, with those of real data."""

"""adr-eval: figures of generated samples and of likelihoods, beside real data."""

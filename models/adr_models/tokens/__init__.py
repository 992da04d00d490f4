"""From signals to tokens and back: image and waveform patches, MDCT frames, latents of a codec."""

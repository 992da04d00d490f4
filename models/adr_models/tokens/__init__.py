"""From signals to tokens and back: image and waveform patches, MDCT frames, a codec's latents, a vocoder's
numbers, bands of noise."""

"""The token geometries as types, and the choice of one."""

from adr_models.tokens.codec import CodecConfig, CodecTokens
from adr_models.tokens.mdct import MDCTConfig, MDCTTokens
from adr_models.tokens.noise_bands import NoiseBandsConfig, NoiseBandTokens
from adr_models.tokens.patches import ImageConfig, ImageTokens, WaveConfig, WaveTokens
from adr_models.tokens.pyramid import PyramidConfig, PyramidTokens
from adr_models.tokens.vocoder import VocoderConfig, VocoderTokens

AudioTokens = MDCTTokens | WaveTokens | CodecTokens | VocoderTokens | NoiseBandTokens
PictureTokens = ImageTokens | PyramidTokens
Tokens = PictureTokens | AudioTokens


def make_tokens(
    image: ImageConfig | None, pyramid: PyramidConfig | None, mdct: MDCTConfig | None, wave: WaveConfig | None,
    codec: CodecConfig | None, vocoder: VocoderConfig | None, noise_bands: NoiseBandsConfig | None = None,
) -> Tokens:  # fmt: skip
    """The tokens of the one config that is there; ValueError where there are several or none."""
    if sum(config is not None for config in (image, pyramid, mdct, wave, codec, vocoder, noise_bands)) != 1:
        raise ValueError("a model needs exactly one of image, pyramid, mdct, wave, codec, vocoder and noise_bands")
    if image:
        return ImageTokens(image)
    if pyramid:
        return PyramidTokens(pyramid)
    if mdct:
        return MDCTTokens(mdct)
    if codec:
        return CodecTokens(codec)
    if vocoder:
        return VocoderTokens(vocoder)
    if noise_bands:
        return NoiseBandTokens(noise_bands)
    assert wave is not None
    return WaveTokens(wave)

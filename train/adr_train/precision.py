"""Where bfloat16 is faster than float32."""

import torch


def bfloat16_pays(device: torch.device) -> bool:
    """bfloat16 products are faster on CUDA and on CPUs with AVX-512 BF16 or AMX, and slower on every other CPU."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported())
    checks = (getattr(torch.cpu, name, None) for name in ("_is_avx512_bf16_supported", "_is_amx_tile_supported"))
    return any(check() for check in checks if check)

"""The operators that `adr-export` writes, with the attributes that it gives them, and no others.

Made by exporting every kind of model in both dialects (each mixer, token geometry, network and output layer of
`adr_models`) and listing what stands in the files; `adr-export` refuses to write a graph with another one, so that a
new operator is noticed where it comes into being.
"""

from collections.abc import Sequence

STANDARD = (
    "Abs", "Add", "And", "Cast", "Clip", "Concat", "ConstantOfShape", "Conv", "Cos", "CumSum", "DepthToSpace",
    "Div", "Equal", "Exp", "Expand", "Floor", "Gather", "GatherElements", "GatherND", "Gelu", "Gemm", "Greater",
    "GreaterOrEqual", "GroupNormalization", "InstanceNormalization", "LayerNormalization", "Less", "LessOrEqual",
    "Log", "LogSoftmax", "MatMul", "Max", "Min", "Mod", "Mul", "Neg", "Not", "Pow", "RMSNormalization", "Range",
    "Reciprocal", "ReduceMax", "ReduceMean", "ReduceSum", "Relu", "Reshape", "Scan", "Shape", "Sigmoid", "Sign",
    "Sin", "Slice", "Softmax", "Split", "Sqrt", "Squeeze", "Sub", "Tanh", "Transpose", "Unsqueeze", "Where",
)  # fmt: skip
MICROSOFT = "com.microsoft"
# domain -> the versions that a file may ask for: those of the two dialects, and what lies between them.
DOMAINS = {"": range(20, 24), MICROSOFT: range(1, 2)}
# (domain, operator)
OPERATORS = frozenset({*(("", name) for name in STANDARD), (MICROSOFT, "LinearAttention")})

FLAG, AXIS, COUNT, PADDING = range(2), range(-8, 9), range(1, 1 << 16), range(1 << 16)
# The paddings of a convolution are twice its axes.
MAX_ATTRIBUTE_NUMBERS = 64
# Whole numbers and lists of them -> what they may be. ONNX Runtime computes with some without a look at them: a
# negative batch_dims ends the whole process.
WHOLE_NUMBERS = {
    "allowzero": FLAG, "axis": AXIS, "batch_dims": FLAG, "blocksize": COUNT, "dilations": COUNT, "end": AXIS,
    "exclusive": FLAG, "fmod": FLAG, "group": COUNT, "keepdims": FLAG, "kernel_shape": COUNT, "kv_num_heads": COUNT,
    "noop_with_empty_axes": FLAG, "num_groups": COUNT, "num_outputs": COUNT, "num_scan_inputs": COUNT,
    "pads": PADDING, "perm": AXIS, "q_num_heads": COUNT, "reverse": FLAG, "scan_input_axes": AXIS,
    "scan_input_directions": FLAG, "scan_output_axes": AXIS, "scan_output_directions": FLAG, "start": AXIS,
    "stash_type": FLAG, "strides": COUNT, "to": range(1, 17), "transA": FLAG, "transB": FLAG,
}  # fmt: skip
# Fractions, words, tensors and graphs.
OTHERS = frozenset({
    "alpha", "approximate", "auto_pad", "beta", "body", "epsilon", "mode", "scale", "update_rule", "value",
})  # fmt: skip


def check_attribute(name: str, numbers: Sequence[int]) -> None:
    """Raises ValueError where an attribute is none that `adr-export` writes, or its whole numbers cannot be meant."""
    allowed = WHOLE_NUMBERS.get(name)
    if allowed is None and (numbers or name not in OTHERS):
        raise ValueError(f"attribute {ascii(name)[:80]}")
    if allowed is not None and not (
        len(numbers) <= MAX_ATTRIBUTE_NUMBERS and all(number in allowed for number in numbers)
    ):
        raise ValueError(f"attribute {name} of {ascii(list(numbers))[:80]}")

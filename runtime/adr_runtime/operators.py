"""The operators that `adr-export` writes, and no others.

Made by exporting every kind of model in both dialects (each mixer, token geometry, network and output layer of
`adr_models`) and listing what stands in the files; `adr-export` refuses to write a graph with another one, so that a
new operator is noticed where it comes into being.
"""

STANDARD = (
    "Abs", "Add", "And", "Cast", "Clip", "Concat", "ConstantOfShape", "Conv", "Cos", "DepthToSpace", "Div",
    "Equal", "Exp", "Expand", "Floor", "Gather", "GatherElements", "GatherND", "Gelu", "Gemm", "Greater",
    "GreaterOrEqual", "GroupNormalization", "InstanceNormalization", "LayerNormalization", "Less", "LessOrEqual",
    "Log", "LogSoftmax", "MatMul", "Max", "Min", "Mod", "Mul", "Neg", "Not", "Pow", "RMSNormalization", "Range",
    "Reciprocal", "ReduceMax", "ReduceMean", "ReduceSum", "Relu", "Reshape", "Scan", "Shape", "Sigmoid", "Sign", "Sin",
    "Slice", "Softmax", "Split", "Sqrt", "Squeeze", "Sub", "Tanh", "Transpose", "Unsqueeze", "Where",
)  # fmt: skip
MICROSOFT = "com.microsoft"
# domain -> the versions that a file may ask for: those of the two dialects, and what lies between them.
DOMAINS = {"": range(20, 24), MICROSOFT: range(1, 2)}
# (domain, operator)
OPERATORS = frozenset({*(("", name) for name in STANDARD), (MICROSOFT, "LinearAttention")})

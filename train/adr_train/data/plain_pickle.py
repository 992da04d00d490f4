"""Reading plain data out of a pickle without executing it.

A pickle is a program for a stack machine whose opcodes can import and call anything. This interpreter knows the
opcodes that build numbers, strings, bytes, lists, tuples and dicts, and three calls by name: NumPy's array, its
dtype, and the latin-1 encoding with which Python 3 writes bytes in protocol 2. It imports nothing and calls nothing
that the file names; any other opcode or name is refused.
"""

import pickletools
from typing import Any

import numpy as np

ARRAY = {("numpy.core.multiarray", "_reconstruct"), ("numpy._core.multiarray", "_reconstruct")}
NDARRAY, DTYPE, ENCODE = ("numpy", "ndarray"), ("numpy", "dtype"), ("_codecs", "encode")
KNOWN = {*ARRAY, NDARRAY, DTYPE, ENCODE}
PUSHED = {
    "BININT", "BININT1", "BININT2", "LONG1", "INT", "LONG", "BINFLOAT", "UNICODE", "BINUNICODE", "SHORT_BINUNICODE",
    "BINUNICODE8", "BINBYTES", "SHORT_BINBYTES", "BINBYTES8", "STRING", "BINSTRING", "SHORT_BINSTRING",
}  # fmt: skip
CONSTANTS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False}
EMPTY: dict[str, type] = {"EMPTY_LIST": list, "EMPTY_DICT": dict, "EMPTY_TUPLE": tuple}
TUPLES = {"TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}
MARK = object()


class PickleRefused(Exception):
    """The pickle does something else than build plain data, or is damaged."""


class Array:
    """A NumPy array or dtype under construction: what BUILD will complete."""

    def __init__(self) -> None:
        self.value: np.ndarray | None = None


def read_plain_pickle(data: bytes) -> Any:
    """The object that the pickle describes; raises PickleRefused."""
    stack: list[Any] = []
    memo: dict[int, Any] = {}
    try:
        for opcode, argument, _ in pickletools.genops(data):
            name = opcode.name
            if name == "STOP":
                value = finished(stack.pop())
                if stack:
                    raise PickleRefused("damaged pickle (values left over)")
                return value
            step(name, argument, stack, memo)
    except PickleRefused:
        raise
    except (AttributeError, IndexError, KeyError, OverflowError, StopIteration, TypeError, ValueError) as error:
        raise PickleRefused(f"damaged pickle ({error})") from error
    raise PickleRefused("damaged pickle (no end)")


def step(name: str, argument: Any, stack: list[Any], memo: dict[int, Any]) -> None:
    """Carry out one opcode."""
    if name in ("PROTO", "FRAME"):
        pass
    elif name in PUSHED:
        stack.append(argument.encode("latin-1") if "STRING" in name and isinstance(argument, str) else argument)
    elif name in CONSTANTS:
        stack.append(CONSTANTS[name])
    elif name in EMPTY:
        stack.append(EMPTY[name]())
    elif name == "MARK":
        stack.append(MARK)
    elif name in ("TUPLE", "LIST", "DICT"):
        items = pop_to_mark(stack)
        container = {"TUPLE": tuple, "LIST": list}.get(name)
        stack.append(container(items) if container else dict(zip(items[::2], items[1::2], strict=True)))
    elif name in TUPLES:
        items = [stack.pop() for _ in range(TUPLES[name])]
        stack.append(tuple(reversed(items)))
    elif name in ("APPEND", "APPENDS"):
        items = pop_to_mark(stack) if name == "APPENDS" else [stack.pop()]
        stack[-1].extend(items)
    elif name in ("SETITEM", "SETITEMS"):
        items = pop_to_mark(stack) if name == "SETITEMS" else [stack.pop(-2), stack.pop()]
        stack[-1].update({k: finished(v) for k, v in zip(items[::2], items[1::2], strict=True)})
    elif name in ("BINPUT", "LONG_BINPUT", "PUT"):
        memo[int(argument)] = stack[-1]
    elif name == "MEMOIZE":
        memo[len(memo)] = stack[-1]
    elif name in ("BINGET", "LONG_BINGET", "GET"):
        stack.append(memo[int(argument)])
    elif name in ("GLOBAL", "STACK_GLOBAL"):
        second = None if name == "GLOBAL" else stack.pop()
        path = tuple(argument.split(" ", 1)) if second is None else (stack.pop(), second)
        if path not in KNOWN:
            raise PickleRefused(f"it names {'.'.join(map(str, path))}, which is no plain data")
        stack.append(path)
    elif name == "REDUCE":
        arguments, function = stack.pop(), stack.pop()
        stack.append(call(function, arguments))
    elif name == "BUILD":
        state, target = stack.pop(), stack[-1]
        build(target, state)
    else:
        raise PickleRefused(f"opcode {name} is not one of plain data")


def pop_to_mark(stack: list[Any]) -> list[Any]:
    mark = len(stack) - 1 - next(i for i, item in enumerate(reversed(stack)) if item is MARK)
    items = stack[mark + 1 :]
    del stack[mark:]
    return items


def call(function: Any, arguments: Any) -> Any:
    if function in ARRAY:
        return Array()
    if function == DTYPE and arguments[0] in ("u1", b"u1", "|u1", b"|u1"):
        return np.dtype(np.uint8)
    if function == ENCODE and arguments[1] == "latin1":
        return arguments[0].encode("latin-1")
    raise PickleRefused(f"it calls {function!r}, which is no plain data")


def build(target: Any, state: Any) -> None:
    """Fill an array: (version, shape, dtype, is_fortran, bytes). A dtype's own state says nothing that matters."""
    if isinstance(target, Array):
        _, shape, dtype, fortran, data = state
        if dtype != np.dtype(np.uint8) or not isinstance(data, bytes):
            raise PickleRefused("it holds an array that is not of bytes")
        target.value = np.frombuffer(data, np.uint8).reshape(shape, order="F" if fortran else "C")
    elif not isinstance(target, np.dtype):
        raise PickleRefused("it builds an object that is no plain data")


def finished(value: Any) -> Any:
    return value.value if isinstance(value, Array) else value

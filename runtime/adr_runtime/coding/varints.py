"""Numbers, bytes and text one behind the other: LEB128 varints, and lengths before what has one."""

from adr_runtime.errors import ADRError, DamagedFileError

LIMIT = 1 << 40


class Writer:
    def __init__(self) -> None:
        self.data = bytearray()

    def number(self, *values: int) -> None:
        for value in values:
            while value > 127:
                self.data.append(value & 127 | 128)
                value >>= 7
            self.data.append(value)

    def bytes(self, value: bytes) -> None:
        self.number(len(value))
        self.data += value

    def text(self, value: str) -> None:
        self.bytes(value.encode("utf-8", "surrogateescape"))


class Reader:
    """Reads what a `Writer` wrote, from a stranger's hand: whatever does not fit raises `damaged`."""

    def __init__(self, data: bytes, file: str):
        self.data, self.at, self.file = data, 0, file

    def damaged(self) -> ADRError:
        return DamagedFileError(f"{self.file}: damaged or cut short; get the file again")

    def take(self, count: int) -> bytes:
        if count > len(self.data) - self.at:
            raise self.damaged()
        self.at += count
        return self.data[self.at - count : self.at]

    def number(self, most: int = LIMIT) -> int:
        value = 0
        for shift in range(0, 63, 7):
            byte = self.take(1)[0]
            value |= (byte & 127) << shift
            if byte < 128:
                if value > most:
                    raise self.damaged()
                return value
        raise self.damaged()

    def bytes(self) -> bytes:
        return self.take(self.number())

    def text(self) -> str:
        return self.bytes().decode("utf-8", "surrogateescape")

    def count(self, size: int = 1) -> int:
        """A number of things of which each takes at least `size` bytes."""
        return self.number((len(self.data) - self.at) // size)

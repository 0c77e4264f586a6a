"""Reads and writes weights (safetensors) with numpy alone.

    python3 weights.py model.safetensors        lists what a file holds

With the package safetensors, load_file and save_file of safetensors.numpy or safetensors.torch do the same.
"""

import json
import struct
import sys

import numpy as np

TYPES = {"F32": "<f4", "F64": "<f8", "I64": "<i8"}


def load(path):
    """The tensors of a file by name, and its metadata."""
    with open(path, "rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        header = json.loads(file.read(length))
        data = bytearray(file.read())
    metadata = header.pop("__metadata__", {})
    metadata.pop("sha256", None)  # it is this file's, no other's
    tensors = {}
    for name, entry in header.items():
        begin, _ = entry["data_offsets"]
        kind = TYPES[entry["dtype"]]
        tensors[name] = np.ndarray(entry["shape"], kind, data, begin)
    return tensors, metadata


def save(path, tensors, metadata):
    """Writes tensors of one type (all float32, say), so that each is aligned."""
    arrays = {name: np.ascontiguousarray(value) for name, value in sorted(tensors.items())}
    names = {np.dtype(text): name for name, text in TYPES.items()}
    header, reached = {"__metadata__": metadata}, 0
    for name, value in arrays.items():
        place = [reached, reached + value.nbytes]
        header[name] = {"dtype": names[value.dtype], "shape": value.shape, "data_offsets": place}
        reached = place[1]
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for value in arrays.values():
            file.write(value.tobytes())


if __name__ == "__main__":
    tensors, metadata = load(sys.argv[1])
    for name, value in tensors.items():
        print(f"{name:45} {value.dtype}  {list(value.shape)}")
    print(f"{sum(value.size for value in tensors.values()):,} numbers; settings {metadata.get('settings', 'none')}")

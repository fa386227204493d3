"""Packs Norma, the libraries that it links, and ONNX Runtime's CUDA provider for a machine that fetches nothing, in pieces.

usage: gpu_pack.py WHEEL NORMA FOLDER ARCHITECTURE

The provider holds its kernels for six architectures (284 MB, of which 185 stay after the best compression). Only one of
them computes on a machine: the payloads of the others are overwritten by zeros, which compress to nothing. Fatbin
containers begin with a magic number and hold entries, each with its kind, the size of its payload and its architecture
(the layout that `cuobjdump --list-elf` walks; NVIDIA does not document it).
"""

import collections
import io
import lzma
import re
import struct
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

FATBIN = struct.pack("<I", 0xBA55ED50)
MACHINE_CODE = 2
PIECE = 33_000_000


def keep_architecture(library, architecture):
    """Zeroes every fatbin payload but machine code for `architecture` (90 is compute capability 9.0); the MiB of each."""
    sizes = collections.Counter()
    position = 0
    while (position := library.find(FATBIN, position)) >= 0:
        _, _, header, size = struct.unpack_from("<IHHQ", library, position)
        if header != 16 or size > len(library) - position:
            position += 4
            continue
        entry, end = position + header, position + header + size
        while entry < end:
            kind, _, entry_header, payload = struct.unpack_from("<HHIQ", library, entry)
            (of,) = struct.unpack_from("<I", library, entry + 28)
            if not 32 <= entry_header <= 256:
                raise SystemExit(f"gpu_pack: the provider's fatbin has another layout (at {entry:#x})")
            sizes[of] += payload
            if (kind, of) != (MACHINE_CODE, architecture):
                library[entry + entry_header : entry + entry_header + payload] = bytes(payload)
            entry += entry_header + payload
        position = end
    if architecture not in sizes:
        raise SystemExit(f"gpu_pack: no code for architecture {architecture}; there is {sorted(sizes)}")
    return {of: size >> 20 for of, size in sorted(sizes.items())}


# Every machine has these of its own, and they belong together.
GLIBC_AND_COMPILER = re.compile(r"(libc|libm|libdl|librt|libpthread|libresolv|libgcc_s|libstdc\+\+)\.so")


def linked_libraries(binary):
    """Paths of the shared libraries of a binary, less those of glibc and the compiler."""
    listed = subprocess.run(["ldd", binary], check=True, capture_output=True, text=True).stdout
    paths = [Path(path) for path in re.findall(r"=> (/\S+)", listed)]
    return [path for path in paths if not GLIBC_AND_COMPILER.match(path.name)]


def main(wheel, norma, folder, architecture):
    packed = io.BytesIO()
    with lzma.open(packed, "w", preset=6) as stream, tarfile.open(fileobj=stream, mode="w|") as archive:

        def add(name, content):
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(content), 0o755
            archive.addfile(entry, io.BytesIO(content))

        add("norma", Path(norma).read_bytes())
        for library in linked_libraries(norma):
            add(f"linked/{library.name}", library.read_bytes())
        with zipfile.ZipFile(wheel) as content:
            for name in content.namelist():
                library = re.fullmatch(r"onnxruntime/capi/(libonnxruntime(?:_providers_(?:shared|cuda))?\.so)[.\d]*", name)
                if not library:
                    continue
                data = bytearray(content.read(name))
                if "cuda" in name:
                    print("MiB of code by architecture:", keep_architecture(data, int(architecture)))
                add(library[1], bytes(data))
    content = packed.getvalue()
    for old in Path(folder).glob("pack.*"):
        old.unlink()
    for number, start in enumerate(range(0, len(content), PIECE)):
        (Path(folder) / f"pack.{number}").write_bytes(content[start : start + PIECE])
    print(f"{len(content) / 1e6:.0f} MB in {-(-len(content) // PIECE)} pieces")


main(*sys.argv[1:])

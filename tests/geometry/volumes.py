"""What dump_geometry says of objects, and the voxels of native ones, for tests/geometry/run."""
import array
import os
import subprocess
import sys
from pathlib import Path

BUILD = Path(os.environ.get("SLICEPRESS_BUILD", Path(__file__).resolve().parents[2] / "build/release"))
SECONDS = 300
NATIVE = ("1.2.840.10008.1.2", "1.2.840.10008.1.2.1")
FIELDS = ("series modality ordinal verdict columns rows slices dimensions images missing column_spacing row_spacing "
          "slice_spacing tilt off_grid affine voxel slope intercept samples dimension_name reason").split()


class Volume:
    """A row `volume`, and its cells: {(dimension, slice): (file, frame, x, y)}."""

    def __init__(self, fields):
        for name, text in zip(FIELDS, fields):
            setattr(self, name, text)
        for name in ("ordinal", "columns", "rows", "slices", "dimensions", "images", "missing", "samples"):
            setattr(self, name, int(getattr(self, name)))
        for name in ("slice_spacing", "tilt", "slope", "intercept"):
            setattr(self, name, float(getattr(self, name)))
        numbers = [float(number) for number in self.affine.split()]
        self.affine = [numbers[i:i + 4] for i in (0, 4, 8)] if numbers else None
        self.cells = {}

    def __str__(self):
        return (f"{self.verdict} {self.columns}x{self.rows}x{self.slices}x{self.dimensions}, "
                f"{self.images} images ({self.reason})")


def volumes_of(files):
    """The volumes of all series of `files`, and {file: (kind, text)} of those that gave none."""
    run = subprocess.run([BUILD / "support/dump_geometry", "-c", *files], capture_output=True, text=True,
                         timeout=SECONDS, check=False)
    if run.returncode not in (0, 1):
        raise RuntimeError(f"dump_geometry ended with status {run.returncode}: {run.stderr[-300:]}")
    volumes, errors = [], {}
    for line in run.stdout.splitlines():
        what, *fields = line.split("\t")
        if what == "volume":
            volumes.append(Volume(fields))
        elif what == "cell":
            _, _, dimension, number, file, frame, x, y = fields
            volumes[-1].cells[int(dimension), int(number)] = (file, int(frame), int(x), int(y))
        else:
            errors[fields[0]] = tuple(fields[1:])
    return volumes, errors


class Frames:
    """16-bit frames of native little-endian objects, read as they lie in the file."""

    def __init__(self, files):
        self.places = {}
        out = subprocess.run([BUILD / "support/dump_object", *files], capture_output=True, text=True,
                             timeout=SECONDS, check=True).stdout
        for line in out.splitlines():
            path, result, syntax, rows, columns, _, samples, bits, _, _, _, offset, *_ = line.split("\t")
            if result == "ok" and syntax in NATIVE and (samples, bits) == ("1", "16"):
                self.places[path] = (int(offset), int(rows), int(columns))

    def has(self, volume):
        return all(cell[0] in self.places for cell in volume.cells.values())

    def slice(self, volume, cell, code):
        """Rows x columns of one slice as an array, top left first."""
        file, frame, x, y = cell
        offset, rows, columns = self.places[file]
        data = array.array(code)
        with open(file, "rb") as source:
            source.seek(offset + (frame - 1) * rows * columns * 2)
            data.frombytes(source.read(rows * columns * 2))
        if sys.byteorder == "big":
            data.byteswap()
        if (volume.rows, volume.columns) == (rows, columns):
            return data
        tile = array.array(code)
        for row in range(y, y + volume.rows):
            tile.extend(data[row * columns + x:row * columns + x + volume.columns])
        return tile


def cross(a, b):
    return [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]]


def column(matrix, k):
    return [row[k] for row in matrix]


def apply(matrix, index):
    """mm of a voxel index, by a 3x4 matrix."""
    return [sum(row[k] * index[k] for k in range(3)) + row[3] for row in matrix]


def solve(matrix, mm, shift=True):
    """The voxel index of a place (or, without shift, of a direction) by a 3x4 matrix: Cramer's rule."""
    a, b, c = column(matrix, 0), column(matrix, 1), column(matrix, 2)
    d = [mm[i] - (matrix[i][3] if shift else 0) for i in range(3)]

    def det(u, v, w):
        return sum(x * y for x, y in zip(u, cross(v, w)))
    whole = det(a, b, c)
    return [det(d, b, c) / whole, det(a, d, c) / whole, det(a, b, d) / whole]

"""slides.py - slides as other programs see them: tiles of the source by pydicom and libjpeg, published trees by Pillow

No code of this project decodes anything here.
"""
import io
import json
import re
import sys
from pathlib import Path
from xml.etree import ElementTree

sys.dont_write_bytecode = True
import numpy as np
import pydicom
from PIL import Image

Image.MAX_IMAGE_PIXELS = None


class Wrong(Exception):
    """What is not as it must be."""


def decode(data):
    """A JPEG or WebP file as rows x columns x 3 (or x 1)."""
    with Image.open(io.BytesIO(data)) as picture:
        pixels = np.asarray(picture)
    return pixels if pixels.ndim == 3 else pixels[:, :, None]


def ratio(a, b):
    error = np.mean((a - b) ** 2)
    return 99.0 if error == 0 else float(10 * np.log10(255 ** 2 / error))


def psnr(a, b):
    """Of the luma, which JPEG and WebP keep as fine as it is; of colours, which they halve, 8 dB more are asked."""
    weights = np.array([0.299, 0.587, 0.114]) if a.shape[2] == 3 else np.ones(1)
    a, b = a.astype(float), b.astype(float)
    return min(ratio(a @ weights, b @ weights), ratio(a, b) + 8)


# ---------------------------------------------------------------- the source


class Source:
    """The tiles of some instances: (plane) -> {(columns, rows): {(column, row): tile}}, decoded when they are asked for."""

    def __init__(self, folder):
        self.levels = {}
        for path in sorted(Path(folder).glob("*.dcm")):
            data = pydicom.dcmread(path)
            if data.ImageType[2] in ("VOLUME", "THUMBNAIL"):
                self.add(data)

    def add(self, data):
        size = (data.TotalPixelMatrixColumns, data.TotalPixelMatrixRows)
        frames = self.split(data)
        for index, (plane, column, row) in enumerate(places(data)):
            level = self.levels.setdefault(plane, {}).setdefault(size, {})
            level[column, row] = (data, frames, index)

    @staticmethod
    def split(data):
        if not data.file_meta.TransferSyntaxUID.is_encapsulated:
            shape = (-1, data.Rows, data.Columns, data.SamplesPerPixel)
            pixels = np.frombuffer(data.PixelData, "<u2" if data.BitsAllocated == 16 else "u1")
            count = int(data.NumberOfFrames) * data.Rows * data.Columns * data.SamplesPerPixel
            return pixels[:count].reshape(shape)
        return list(pydicom.encaps.generate_pixel_data_frame(data.PixelData, int(data.NumberOfFrames)))

    @staticmethod
    def tile(entry):
        """Pixels, and the coded bytes where there are some."""
        data, frames, index = entry
        frame = frames[index]
        if isinstance(frame, bytes):
            return decode(frame), frame
        return frame, None

    def picture(self, plane, size, background=255):
        """A whole level; places without a tile are background, and a tile lies over those before it by row and column."""
        tiles = self.levels[plane][size]
        first = self.tile(next(iter(tiles.values())))[0]
        out = np.full((size[1], size[0], first.shape[2]), background, first.dtype)
        for (column, row) in sorted(tiles, key=lambda at: (at[1], at[0])):
            pixels = self.tile(tiles[column, row])[0]
            part = out[row:row + pixels.shape[0], column:column + pixels.shape[1]]
            part[:] = pixels[:part.shape[0], :part.shape[1]]
        return out


def places(data):
    """(plane, column, row) of every frame: by its position, else by the order of PS3.3 C.7.6.17.3."""
    groups = data.get("PerFrameFunctionalGroupsSequence")
    if groups:
        for group in groups:
            at = group.PlanePositionSlideSequence[0]
            path = group.OpticalPathIdentificationSequence[0].OpticalPathIdentifier
            yield ((path, round(float(at.ZOffsetInSlideCoordinateSystem) * 1e6)),
                   at.ColumnPositionInTotalImagePixelMatrix - 1, at.RowPositionInTotalImagePixelMatrix - 1)
        return
    across = -(-data.TotalPixelMatrixColumns // data.Columns)
    down = -(-data.TotalPixelMatrixRows // data.Rows)
    focal = int(data.get("TotalPixelMatrixFocalPlanes", 1))
    step = float(data.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0].get("SpacingBetweenSlices", 0.001))
    paths = [item.OpticalPathIdentifier for item in data.get("OpticalPathSequence", [])] or ["1"]
    first = int(data.get("ConcatenationFrameOffsetNumber", 0))
    for index in range(first, first + int(data.NumberOfFrames)):
        plane, tile = divmod(index, across * down)
        path, focus = divmod(plane, focal)
        yield (paths[path], round(focus * step * 1e6)), tile % across * data.Columns, tile // across * data.Rows


# ---------------------------------------------------------------- the site


class Tree:
    """A published tree of tiles, its Deep Zoom form."""

    def __init__(self, folder):
        self.folder = Path(folder)
        root = ElementTree.parse(self.folder / "image.dzi").getroot()
        space = "{http://schemas.microsoft.com/deepzoom/2008}"
        size = root.find(space + "Size")
        self.size = int(size.get("Width")), int(size.get("Height"))
        self.tile, self.overlap, self.format = int(root.get("TileSize")), int(root.get("Overlap")), root.get("Format")
        self.about = json.loads((self.folder / "tiles.json").read_text())
        self.levels = (max(self.size) - 1).bit_length() + 1

    def level_size(self, level):
        """0 is the finest."""
        return tuple(-(-side // 2 ** level) for side in self.size)

    def path(self, level, x, y):
        return self.folder / f"image_files/{self.levels - 1 - level}/{x}_{y}.{self.format}"

    def read(self, level):
        """The picture of a level, every tile of the size that it must have, and none that must not be there."""
        columns, rows = self.level_size(level)
        across, down = -(-columns // self.tile), -(-rows // self.tile)
        names = {p.name for p in self.path(level, 0, 0).parent.iterdir()}
        wanted = {f"{x}_{y}.{self.format}" for x in range(across) for y in range(down)}
        if names != wanted:
            raise Wrong(f"level {level} has {sorted(names ^ wanted)[:3]} too many or too few")
        out = None
        for y in range(down):
            for x in range(across):
                pixels = decode(self.path(level, x, y).read_bytes())
                left, top = min(x * self.tile, self.overlap), min(y * self.tile, self.overlap)
                width = min(self.tile, columns - x * self.tile)
                height = min(self.tile, rows - y * self.tile)
                right = min(self.overlap, columns - x * self.tile - width)
                low = min(self.overlap, rows - y * self.tile - height)
                if pixels.shape[:2] != (top + height + low, left + width + right):
                    raise Wrong(f"tile {x}, {y} of level {level} has {pixels.shape} pixels")
                out = np.zeros((rows, columns, pixels.shape[2]), np.uint8) if out is None else out
                out[y * self.tile:y * self.tile + height, x * self.tile:x * self.tile + width] = \
                    pixels[top:top + height, left:left + width]
        return out


def halve(picture):
    """The mean of four, of what there is of them at an odd edge."""
    rows, columns = picture.shape[:2]
    padded = np.pad(picture.astype(float), ((0, rows % 2), (0, columns % 2), (0, 0)), "edge")
    return (padded[0::2, 0::2] + padded[1::2, 0::2] + padded[0::2, 1::2] + padded[1::2, 1::2]) / 4


class Site:
    def __init__(self, path):
        self.path = Path(path)
        self.public = self.path / "public"
        self.studies = [json.loads(p.read_text()) for p in sorted(self.public.glob("studies/*/study.json"))]

    def series(self):
        return [series for study in self.studies for series in study["series"]]

    def slides(self):
        """[(row, Tree or None)] in order."""
        out = []
        for series in self.series():
            trees = {a["name"]: a["address"] for a in series.get("artefacts", []) if a["stage"] == "slides"}
            for row in series.get("slides", []):
                address = trees.get(f"slide-{row['ordinal']}")
                out.append((row, Tree(self.public / address) if address else None))
        return out


def is_word(text):
    return re.fullmatch(r"[a-z0-9][a-z0-9-]*", text) is not None

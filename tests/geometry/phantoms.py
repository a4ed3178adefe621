"""Phantoms with another mark in each corner, written by make_dicom: a flip or a swap of any axis moves a mark.

Each case is a list of slices: where the slice is in space (LPS), what its four corners hold, and what else its header
says. The marks' places are computed here, from what was written; the volume is read back through its affine.
"""
import math
import random
import subprocess

from volumes import BUILD, Frames, apply, cross, solve, volumes_of

ROWS, COLUMNS = 6, 9
ROW_SPACING, COLUMN_SPACING = 0.8, 0.5
AXIAL = (1, 0, 0, 0, 1, 0)
SAGITTAL = (0, 1, 0, 0, 0, -1)
CORONAL = (1, 0, 0, 0, 0, -1)
OBLIQUE = (2 / 3, -1 / 3, 2 / 3, 2 / 3, 2 / 3, -1 / 3)


class Slice:
    def __init__(self, cosines, position, mark, time=0, **other):
        self.cosines, self.position, self.mark, self.time, self.other = cosines, position, mark, time, other

    def values(self):
        """Top left, top right, bottom left, bottom right; another one for each slice and time."""
        return [1000 * self.time + 10 * self.mark + k for k in (1, 2, 3, 4)]

    def marks(self):
        """(place in mm, value) of each corner."""
        row, down = self.cosines[:3], self.cosines[3:]
        for value, (i, j) in zip(self.values(), ((0, 0), (1, 0), (0, 1), (1, 1))):
            yield [self.position[k] + row[k] * i * (COLUMNS - 1) * COLUMN_SPACING +
                   down[k] * j * (ROWS - 1) * ROW_SPACING for k in range(3)], value


def along(cosines, distance, shift=0.0, origin=(10.0, 20.0, 30.0)):
    normal = cross(cosines[:3], cosines[3:])
    return [origin[k] + distance * normal[k] + shift * cosines[3 + k] for k in range(3)]


def stack(cosines, count, spacing, **other):
    return [Slice(cosines, along(cosines, spacing * i), i, **other) for i in range(count)]


# name -> (slices, [(verdict, slices, dimensions, images)] by ordinal)
CASES = {
    "axial": (stack(AXIAL, 7, 2.5), [("regular", 7, 1, 7)]),
    "sagittal": (stack(SAGITTAL, 7, 2.5), [("regular", 7, 1, 7)]),
    "coronal": (stack(CORONAL, 7, 2.5), [("regular", 7, 1, 7)]),
    "oblique": (stack(OBLIQUE, 7, 2.5), [("regular", 7, 1, 7)]),
    "reversed": (stack(AXIAL, 7, -2.5), [("regular", 7, 1, 7)]),
    "feet first": (stack((-1, 0, 0, 0, 1, 0), 7, 2.5), [("regular", 7, 1, 7)]),
    "tilted": ([Slice(OBLIQUE, along(OBLIQUE, 4 * i, 1.3 * i), i) for i in range(7)], [("tilted", 7, 1, 7)]),
    "jittered": ([Slice(AXIAL, along(AXIAL, 0.9 * i + (i % 3 - 1) * 0.000002), i) for i in range(9)],
                 [("regular", 9, 1, 9)]),
    "one slice missing": ([s for s in stack(OBLIQUE, 9, 2.5) if s.mark != 4], [("missing_slices", 9, 1, 8)]),
    "two stacks": (stack(AXIAL, 7, 2.5) + [Slice(AXIAL, along(AXIAL, 2.5 * i, 80), 20 + i) for i in range(5)],
                   [("regular", 7, 1, 7), ("regular", 5, 1, 5)]),
    "scout": (stack(AXIAL, 7, 2.5) + [Slice(SAGITTAL, [0, -50, 90], 20, image_type="ORIGINAL\\PRIMARY\\LOCALIZER")],
              [("regular", 7, 1, 7), ("localizer", 1, 1, 1)]),
    "duplicates": (stack(CORONAL, 7, 2.5) + stack(CORONAL, 7, 2.5, time=1), [("regular", 7, 2, 14)]),
    "one duplicate": (stack(CORONAL, 7, 2.5) + stack(CORONAL, 1, 2.5, time=1), [("repeated_positions", 7, 2, 8)]),
    "time series": ([s for t in range(3) for s in stack(SAGITTAL, 7, 2.5, time=t, temporal=t + 1)],
                    [("regular", 7, 3, 21)]),
}


def numbers(values):
    return "\\".join(f"{value:.9g}" for value in values)


def recipe(name, slices, number, instance):
    """One object, a frame for each of `slices` (more than one: enhanced, by functional groups)."""
    first = slices[0]
    lines = [f"study = geometry\nseries = {name}\ninstance = {instance}\nrows = {ROWS}\ncolumns = {COLUMNS}",
             "allocated = 16\nstored = 16\n0008,0060 CS MR", f"0020,0013 IS {number}",
             f"0008,0008 CS {first.other.get('image_type', 'ORIGINAL' + chr(92) + 'PRIMARY')}"]
    for k, s in enumerate(slices):
        only = f" only={k + 1}" if len(slices) > 1 else ""
        lines.append("pixels = corners side=1 base=7 " + " ".join(
            f"{corner}={value}" for corner, value in zip(("tl", "tr", "bl", "br"), s.values())) + only)
    if len(slices) > 1:
        return "\n".join(lines + enhanced(slices)) + "\n"
    lines += ["0008,0016 UI 1.2.840.10008.5.1.4.1.1.4", f"0020,0032 DS {numbers(first.position)}",
              f"0020,0037 DS {numbers(first.cosines)}", f"0028,0030 DS {ROW_SPACING}\\{COLUMN_SPACING}"]
    if "temporal" in first.other:
        lines.append(f"0020,0100 IS {first.other['temporal']}")
    return "\n".join(lines) + "\n"


def enhanced(slices):
    lines = [f"frames = {len(slices)}", "0008,0016 UI 1.2.840.10008.5.1.4.1.1.4.1", "5200,9229 SQ", ">item",
             ">0028,9110 SQ", ">>item", f">>0028,0030 DS {ROW_SPACING}\\{COLUMN_SPACING}", "5200,9230 SQ"]
    for s in slices:
        lines += [">item", ">0020,9111 SQ", ">>item", f">>0020,9128 UL {s.time + 1}",
                  ">0020,9113 SQ", ">>item", f">>0020,0032 DS {numbers(s.position)}",
                  ">0020,9116 SQ", ">>item", f">>0020,0037 DS {numbers(s.cosines)}"]
    return lines


def write(folder, name, slices, is_enhanced):
    """The objects, named and numbered in no order that means anything."""
    folder.mkdir(parents=True)
    order = list(slices)
    random.Random(name).shuffle(order)
    groups = [order] if is_enhanced else [[s] for s in order]
    files = []
    for i, group in enumerate(groups):
        files.append(str(folder / f"{i:03}.dcm"))
        subprocess.run([BUILD / "support/make_dicom", "-", files[-1]], check=True, text=True,
                       input=recipe(name, group, len(groups) - i, i), stdout=subprocess.DEVNULL)
    return files


def wrong_mark(volume, frames, slices):
    """Each mark is in a voxel of `volume` whose centre is the mark's place, or in no voxel at all. Counts them."""
    found = 0
    for s in slices:
        for place, value in s.marks():
            index = solve(volume.affine, place)
            i, j, k = (round(x) for x in index)
            if not (0 <= i < volume.columns and 0 <= j < volume.rows and 0 <= k < volume.slices):
                continue
            if max(abs(x - round(x)) for x in index) > 1e-3:
                return 0, f"mark {value} is at voxel {index}, between voxels: {apply(volume.affine, (i, j, k))}"
            # Only a key of the header can say which repetition it is; else the mark is in one of them.
            dimensions = [s.time] if "temporal" in s.other else range(volume.dimensions)
            cells = [volume.cells[d, k] for d in dimensions if (d, k) in volume.cells]
            there = [frames.slice(volume, cell, "H")[j * volume.columns + i] for cell in cells]
            if value not in there:
                return 0, f"mark {value} should be at voxel ({i}, {j}, {k}), where {there} is"
            found += 1
    return found, None


def check(name, folder, is_enhanced=False):
    """Why the volumes of a case are not what they should be, or None."""
    slices, expected = CASES[name]
    files = write(folder, name, slices, is_enhanced)
    volumes, errors = volumes_of(files)
    if errors:
        return f"{errors}"
    found = [(v.verdict, v.slices, v.dimensions, v.images) for v in volumes]
    if found != expected:
        return f"expected {expected}, found {[str(v) for v in volumes]}"
    frames, marks = Frames(files), 0
    for volume in volumes:
        count, reason = wrong_mark(volume, frames, slices)
        if reason:
            return f"volume {volume.ordinal}: {reason}"
        marks += count
    return None if marks == 4 * len(slices) else f"{marks} marks found of {4 * len(slices)}"

#!/usr/bin/env python3
"""Reads the frame counter that is drawn into the sample recordings.

    read_counter.py FILE...      one line per frame: PTS, camera, counter, wall time

The layout is described in README.md; it is given in fractions of the picture,
so any decoded size will do.
"""

import datetime
import subprocess
import sys

FPS = 25
EPOCH = datetime.datetime(2026, 3, 14, 10, tzinfo=datetime.timezone.utc)

CELLS = 32
LEFT, CELL_WIDTH, MIDDLE_Y = 0.1, 0.025, 348 / 360
SYNC = 0xA


class Unreadable(ValueError):
    pass


def decode(luma):
    """Camera number and counter; luma(i) is the brightness in the middle of cell i."""
    cells = [luma(i) for i in range(CELLS)]
    white, black = min(cells[0], cells[2]), max(cells[1], cells[3])
    if white - black < 64:
        raise Unreadable("no sync cells")
    limit = (white + black) / 2
    nibbles = [
        sum((cells[n + b] > limit) << (3 - b) for b in range(4))
        for n in range(0, CELLS, 4)
    ]
    check = 0
    for nibble in nibbles:
        check ^= nibble
    if nibbles[0] != SYNC or check != 0:
        raise Unreadable("check nibble is wrong: %x" % int("".join("%x" % n for n in nibbles), 16))
    counter = 0
    for nibble in nibbles[2:7]:
        counter = counter << 4 | nibble
    return nibbles[1], counter


def decode_gray(picture, width, height):
    """The same for one 8-bit gray picture, a bytes object of width * height."""
    row = int(MIDDLE_Y * height) * width

    def luma(i):
        return picture[row + int((LEFT + (i + 0.5) * CELL_WIDTH) * width)]

    return decode(luma)


def frames(path, width=640, height=360, options=()):
    """(camera, counter) of every frame of a file, in order of presentation."""
    command = [
        "ffmpeg", "-nostdin", "-v", "error", "-i", path, "-map", "0:v:0",
        "-vf", "scale=%d:%d" % (width, height), *options,
        "-fps_mode", "passthrough", "-pix_fmt", "gray", "-f", "rawvideo", "-",
    ]  # fmt: skip
    with subprocess.Popen(command, stdout=subprocess.PIPE) as ffmpeg:
        while picture := ffmpeg.stdout.read(width * height):
            yield decode_gray(picture, width, height)
    if ffmpeg.returncode != 0:
        raise Unreadable("ffmpeg failed on " + path)


def wall_time(counter):
    return EPOCH + datetime.timedelta(seconds=counter / FPS)


def main():
    for path in sys.argv[1:]:
        pts = subprocess.run(
            ["ffprobe", "-v", "error", "-select_streams", "v", "-of", "csv=p=0",
             "-show_entries", "frame=pts_time", path],
            stdout=subprocess.PIPE, text=True, check=True,
        ).stdout.replace(",", " ").split()  # fmt: skip
        for t, (camera, counter) in zip(pts, frames(path), strict=True):
            time = wall_time(counter).isoformat(timespec="milliseconds")
            print(t, camera, counter, time.replace("+00:00", "Z"))


if __name__ == "__main__":
    main()

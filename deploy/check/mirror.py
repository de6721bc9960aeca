"""A mirror of the log: every hash in every tile, computed again from the entries.

Python's standard library only. Formats: c2sp.org/tlog-tiles; RFC 6962.
"""
import hashlib
import json
import os

from signed import (
    HASH, Found, decimal, incomplete, origin_of, said, tampered, unbase64,
)

WIDTH = 256
CHECKPOINT_MAX = 64 * 1024
BUNDLE_MAX = WIDTH * (2 + 0xFFFF)


# Hashes, and the right edge of a growing tree.
def leaf_hash(entry):
    return hashlib.sha256(b"\0" + entry).digest()


def node_hash(left, right):
    return hashlib.sha256(b"\1" + left + right).digest()


class Tree:
    def __init__(self):
        self.size, self.peaks = 0, []

    def push(self, leaf):
        size = self.size
        while size & 1:
            leaf, size = node_hash(self.peaks.pop(), leaf), size >> 1
        self.peaks.append(leaf)
        self.size += 1

    def root(self):
        if not self.peaks:
            return hashlib.sha256().digest()
        root = self.peaks[-1]
        for peak in reversed(self.peaks[:-1]):
            root = node_hash(peak, root)
        return root


# Files of the log, and what is in them.
def path_of(level, number, width):
    name = f"{number % 1000:03}"
    while number >= 1000:
        number //= 1000
        name = f"x{number % 1000:03}/{name}"
    return f"tile/{level}/{name}" + ("" if width == WIDTH else f".p/{width}")


def entries_of(data, width, first, file):
    """The entries of a bundle, and what is wrong with it: those before may be bad too."""
    entries, at = [], 0
    while at < len(data):
        end = at + 2 + int.from_bytes(data[at:at + 2], "big")
        if len(entries) == width or at + 2 > len(data) or end > len(data):
            break
        entries.append(data[at + 2:end])
        at = end
    if at < len(data) or len(entries) < width:
        words = f"leaf {first + len(entries)}: {file} does not hold {width} entries"
        return entries, tampered(words)
    return entries, None


class Folder:
    def __init__(self, folder):
        self.folder = folder

    def read(self, path, limit):
        try:
            with open(os.path.join(self.folder, path), "rb") as file:
                return file.read(limit + 1)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise incomplete(f"{path} cannot be read: {error.strerror}") from None

    def epochs(self):
        try:
            names = os.listdir(self.folder)
        except OSError as error:
            raise incomplete(f"{self.folder} cannot be read: {error.strerror}") from None
        numbers = (decimal(name) for name in names)
        return sorted(number for number in numbers if number)


def covers(entry, action):
    """The fields of an entry, if it is of this action."""
    if action.encode() not in entry:
        return None
    try:
        fields = json.loads(entry)
    except ValueError:
        return None
    is_it = isinstance(fields, dict) and fields.get("event.action") == action
    return fields if is_it else None


def follows(entry):
    """What the first leaf of an epoch says it follows: origin, size, root."""
    fields = covers(entry, "log.epoch") or {}
    origin, size, root = (fields.get("assay.log.previous." + n) for n in ("origin", "size", "root"))
    root = unbase64(root) if isinstance(root, str) else None
    if isinstance(origin, str) and isinstance(size, int) and root is not None:
        return origin, size, root
    return None


class Mirror:
    def __init__(self, files, trust, kept, alone):
        self.files, self.trust, self.kept, self.alone = files, trust, kept, alone
        self.done = []

    def check(self):
        places = [(number, f"{number}/") for number in self.files.epochs()]
        if not places:
            if self.note("") is None:
                raise incomplete("there is no checkpoint, neither 1/checkpoint nor checkpoint")
            places = [(self.alone, "")]
        for place, after in zip(places, places[1:] + [None]):
            self.epoch(*place, after)
        for name, note in self.kept:
            origin = said(note, name)[0]
            if all(origin != done[0] for done in self.done):
                raise incomplete(f"{name} is of the log {origin!r}, of which there are no files")
            self.trust.settle(note, origin, name)

    def note(self, prefix):
        data = self.files.read(prefix + "checkpoint", CHECKPOINT_MAX)
        return None if data is None else data.decode(errors="replace")

    def file(self, prefix, level, number, width, first, limit):
        for each in (width, WIDTH):
            path = path_of(level, number, each)
            data = self.files.read(prefix + path, limit)
            if data is not None:
                return data, path, each
        raise incomplete(f"{prefix}{path_of(level, number, width)} is missing: "
                         f"the epoch cannot be checked from leaf {first} on")

    def bundle(self, prefix, number, width):
        first = number * WIDTH
        data, path, found = self.file(prefix, "entries", number, width, first, BUNDLE_MAX)
        entries, wrong = entries_of(data, found, first, path)
        return entries[:width], wrong, path

    def hashes(self, prefix, level, number, width, first):
        data, path, found = self.file(prefix, level, number, width, first, WIDTH * HASH)
        if len(data) != found * HASH:
            leaf = number * WIDTH ** (level + 1)
            raise tampered(f"leaf {leaf}: {path} has {len(data)} bytes, not {found * HASH}")
        return [data[at:at + HASH] for at in range(0, width * HASH, HASH)], path

    def epoch(self, number, prefix, after):
        place = prefix + "checkpoint"
        note = self.note(prefix)
        if note is None:
            raise incomplete(f"{place} is missing")
        origin, size, root = self.trust.read(note, origin_of(self.trust.base, number), place)
        marks = [(size, root, place)]
        for name, kept in self.kept:
            checkpoint = said(kept, name)
            if checkpoint[0] == origin:
                marks.append((checkpoint[1], checkpoint[2], name))
        link = self.after(after)
        if link:
            marks.append((link[1], link[2], f"what epoch {after[0]} says it follows"))
        within = [mark for mark in marks if mark[0] <= size]
        self.walk(number, prefix, size, sorted(within, key=lambda mark: mark[0]))
        self.trust.settle(note, origin, place)
        # Told last: a fork may end early to pass for a lack.
        for reach, _, name in marks:
            if reach > size:
                raise incomplete(f"epoch {number} ends at {size} leaves, and {name} is of {reach}")
        if link and link[1] != size:
            raise incomplete(f"epoch {after[0]} follows leaf {link[1] - 1} of the one before, "
                             f"which goes on to leaf {size - 1}")
        self.done.append((origin, size))

    def after(self, after):
        if after is None:
            return None
        note = self.note(after[1])
        if note is None:
            raise incomplete(f"{after[1]}checkpoint is missing")
        try:
            size = said(note, after[1])[1]
        except Found:
            size = 0
        entries = self.bundle(after[1], 0, min(size, WIDTH))[0] if size else []
        return follows(entries[0]) if entries else None

    def walk(self, number, prefix, size, marks):
        tree, levels, good = Tree(), [[]], 0
        if any(mark[0] == 0 and mark[1] != tree.root() for mark in marks):
            raise tampered(f"epoch {number}: it has no leaves, and a root of some was signed")
        if size == 0 and self.done:
            raise tampered(f"epoch {number}: leaf 0: it ties the epoch to no other")
        marks = [mark for mark in marks if mark[0]]
        while tree.size < size:
            first = tree.size
            width = min(WIDTH, size - first)
            entries, wrong, bundle = self.bundle(prefix, first // WIDTH, width)
            hashes, tile = self.hashes(prefix, 0, first // WIDTH, width, first)
            for entry, theirs in zip(entries, hashes):
                if leaf_hash(entry) != theirs:
                    raise tampered(f"epoch {number}: leaf {tree.size}: the entry in {bundle} is "
                                   f"not the one whose hash is in {tile}")
                tree.push(theirs)
                # What covers all leaves is compared last: their tiles name the place better.
                good = self.compare_marks(number, tree, marks, good) if tree.size < size else good
            if wrong:
                raise wrong
            if width == WIDTH:
                self.ascend(prefix, levels, 0, first // WIDTH, hashes)
            self.hear(number, first, entries)
        for level in range(1, len(levels)):
            if levels[level]:
                above = size // WIDTH ** (level + 1)
                self.compare(prefix, levels[level], level, above, size)
        self.compare_marks(number, tree, marks, good)

    def compare_marks(self, number, tree, marks, good):
        """Says up to where the leaves are known to be as they were signed."""
        here = [mark for mark in marks if mark[0] == tree.size]
        for _, root, name in here:
            if root != tree.root():
                raise tampered(f"epoch {number}: a leaf from {good} to {tree.size - 1} is not the "
                               f"one that was signed, by {name}")
        return tree.size if here else good

    def ascend(self, prefix, levels, level, number, hashes):
        """A full tile is one hash of the level above, whose tile it may make full."""
        subtree = Tree()
        for each in hashes:
            subtree.push(each)
        if len(levels) == level + 1:
            levels.append([])
        above = levels[level + 1]
        above.append(subtree.root())
        if len(above) == WIDTH:
            levels[level + 1] = []
            self.compare(prefix, above, level + 1, number // WIDTH, 0)
            self.ascend(prefix, levels, level + 1, number // WIDTH, above)

    def compare(self, prefix, ours, level, number, first):
        theirs, path = self.hashes(prefix, level, number, len(ours), first)
        for place, (a, b) in enumerate(zip(ours, theirs)):
            if a != b:
                each = WIDTH ** level
                leaf = (number * WIDTH + place) * each
                raise tampered(f"leaves {leaf} to {leaf + each - 1}: their hash in {path} is not "
                               f"that of the tile below it")

    def hear(self, number, first, entries):
        if first == 0 and self.done:
            link = follows(entries[0])
            if link is None or link[0] != self.done[-1][0]:
                raise tampered(f"epoch {number}: leaf 0: it does not follow the epoch before")
        for leaf, entry in enumerate(entries, first):
            change = (covers(entry, "log.key") or {}).get("assay.log.key_change")
            if isinstance(change, str):
                self.trust.hear(change, f"epoch {number}: leaf {leaf}")

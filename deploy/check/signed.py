"""Signed notes and who signed them: Ed25519 verification, keys, checkpoints, trust.

Python's standard library only. Formats: c2sp.org/signed-note, tlog-checkpoint; RFC 8032.
"""
import base64
import hashlib

HASH = 32


class Found(Exception):
    """Why a check did not come out well: the exit code, and words."""

    def __init__(self, code, words):
        super().__init__(words)
        self.code = code


def tampered(words):
    return Found(1, "tampered: " + words)


def incomplete(words):
    return Found(2, "incomplete: " + words)


def untrusted(words):
    return Found(3, "untrusted: " + words)


# Ed25519 (RFC 8032), verification alone. Points are (X, Y, Z, T) with x = X/Z, y = Y/Z, xy = T/Z.
P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
ROOT = pow(2, (P - 1) // 4, P)


def recover(y, sign):
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * ROOT % P
    if (x * x - square) % P or (x == 0 and sign):
        return None
    return x if x & 1 == sign else P - x


def point(data):
    y = int.from_bytes(data, "little")
    sign, y = y >> 255, y & (1 << 255) - 1
    x = recover(y, sign) if y < P else None
    return None if x is None else (x, y, 1, x * y % P)


def add(a, b):
    e, f = (a[1] - a[0]) * (b[1] - b[0]) % P, (a[1] + a[0]) * (b[1] + b[0]) % P
    g, h = 2 * a[3] * b[3] * D % P, 2 * a[2] * b[2] % P
    p, q, r, s = f - e, h - g, h + g, f + e
    return (p * q % P, r * s % P, q * r % P, p * s % P)


def times(number, base):
    result = (0, 1, 1, 0)
    while number:
        if number & 1:
            result = add(result, base)
        base, number = add(base, base), number >> 1
    return result


BASE_Y = 4 * pow(5, P - 2, P) % P
BASE_X = recover(BASE_Y, 0)
BASE = (BASE_X, BASE_Y, 1, BASE_X * BASE_Y % P)


def written(a):
    inverse = pow(a[2], P - 2, P)
    x, y = a[0] * inverse % P, a[1] * inverse % P
    return (y | (x & 1) << 255).to_bytes(HASH, "little")


def is_signed(key, text, signature):
    a = point(key)
    if a is None or len(signature) != 64:
        return False
    s = int.from_bytes(signature[HASH:], "little")
    if s >= L:
        return False
    challenge = hashlib.sha512(signature[:HASH] + key + text).digest()
    k = int.from_bytes(challenge, "little") % L
    minus_a = (P - a[0], a[1], a[2], P - a[3])
    return written(add(times(s, BASE), times(k, minus_a))) == signature[:HASH]


def unbase64(text):
    """There is one way to write bytes: another is None."""
    try:
        data = base64.b64decode(text, validate=True)
    except ValueError:
        return None
    return data if base64.b64encode(data).decode() == text else None


def decimal(text):
    if text.isascii() and text.isdigit() and str(int(text)) == text and int(text) < 2**64:
        return int(text)
    return None


# Keys and signed notes.
class Key:
    def __init__(self, text):
        parts = text.strip().split("+", 2)
        data = unbase64(parts[2]) if len(parts) == 3 else None
        if data is None or len(data) != 1 + HASH or data[0] != 1:
            raise untrusted("the pinned key is not written <origin>+<id>+<base64>, for Ed25519")
        self.name, self.data = parts[0], data
        if parts[1] != self.id().hex():
            raise untrusted("the pinned key's id does not belong to the key")

    def id(self):
        return hashlib.sha256(self.name.encode() + b"\n" + self.data).digest()[:4]

    def text(self):
        return f"{self.name}+{self.id().hex()}+{base64.b64encode(self.data).decode()}"

    def renamed(self, name):
        key = object.__new__(Key)
        key.name, key.data = name, self.data
        return key


def note_parts(note, place):
    """The text of a signed note, and its signatures as (name, id, signature)."""
    if not note.endswith("\n") or "\n\n\u2014 " not in note:
        raise incomplete(place + " is not whole")
    wrong = tampered(place + " is not a signed note")
    if any(ord(letter) < 0x20 and letter != "\n" for letter in note):
        raise wrong
    head, tail = note.rsplit("\n\n", 1)
    signatures = []
    for line in tail[:-1].split("\n"):
        parts = line.removeprefix("\u2014 ").split(" ", 1)
        data = unbase64(parts[1]) if line.startswith("\u2014 ") and len(parts) == 2 else None
        if data is None or len(data) < 5 or not is_name(parts[0]):
            raise wrong
        signatures.append((parts[0], data[:4], data[4:]))
    if len(signatures) > 100:
        raise wrong
    return head + "\n", signatures


def is_name(name):
    return bool(name) and "+" not in name and not any(letter.isspace() for letter in name)


def signed_text(note, key, place):
    """The text, if the key signed it; None if it was another key."""
    text, signatures = note_parts(note, place)
    mine = [s for name, id_, s in signatures if (name, id_) == (key.name, key.id())]
    if not mine:
        return None
    if not is_signed(key.data[1:], text.encode(), mine[0]):
        raise tampered(place + ": the signature is not of this text")
    return text


def checkpoint_of(text, place):
    lines = text.split("\n")
    size = decimal(lines[1]) if len(lines) >= 4 else None
    root = unbase64(lines[2]) if size is not None else None
    if not lines[0] or root is None or len(root) != HASH or "" in lines[:-1]:
        raise tampered(place + ": the note's text is not a checkpoint")
    return lines[0], size, root


def said(note, place):
    return checkpoint_of(note_parts(note, place)[0], place)


class Trust:
    """Whose signatures count: the pinned key's, and of those that it vouched for in the log."""

    def __init__(self, base, key):
        self.base, self.keys = base, [key.renamed(base)]
        if key.name != base and number_of(base, key.name) is None:
            raise untrusted(f"this is the key of {key.name!r}, and {base!r} was pinned")

    def open(self, note, origin, place):
        for key in reversed(self.keys):
            text = signed_text(note, key.renamed(origin), place)
            if text is not None:
                checkpoint = checkpoint_of(text, place)
                if checkpoint[0] != origin:
                    raise untrusted(f"this is the log {checkpoint[0]!r}, not {origin!r}")
                return checkpoint
        return None

    def settle(self, note, origin, place):
        if self.open(note, origin, place) is None:
            raise untrusted(place + " is not signed by the pinned key, nor by one it vouches for")

    def read(self, note, origin, place):
        checkpoint = self.open(note, origin, place) or said(note, place)
        if checkpoint[0] != origin:
            raise untrusted(f"this is the log {checkpoint[0]!r}, and {origin!r} was expected")
        return checkpoint

    def hear(self, change, place):
        for key in reversed(self.keys):
            text = signed_text(change, key, place)
            if text is None:
                continue
            lines = text.split("\n")
            if lines[0] != "assay log.key v1" or len(lines) != 3 or lines[2]:
                raise tampered(place + ": the note's text is not the change of a key")
            new = Key(lines[1])
            if new.name != self.base:
                raise tampered(place + ": the new key is for another log")
            if all(new.text() != known.text() for known in self.keys):
                self.keys.append(new)
            return


def origin_of(base, number):
    return base if number == 1 else f"{base}/epoch-{number}"


def number_of(base, origin):
    number = decimal(origin.removeprefix(base + "/epoch-"))
    if origin == base:
        return 1
    return number if number and number > 1 and origin == origin_of(base, number) else None

#!/usr/bin/env python3
"""Checks Assay's proofs and mirrors of its log. Python's standard library only.

    assay_check.py proof FILE --origin ORIGIN --key KEY [--entry FILE] [--row FILE]
    assay_check.py mirror FOLDER --origin ORIGIN --key KEY [--since CHECKPOINT]...

ORIGIN and KEY are what you pinned: the log's name, and its verifier key as `assay up` prints it.
Exit code: 0 good, 1 tampered, 2 incomplete, 3 untrusted, 64 asked wrongly.
Formats: c2sp.org/signed-note, tlog-checkpoint, tlog-tiles, tlog-proof; RFC 6962; RFC 8032.
"""
import argparse
import hashlib
import json
import sys

from mirror import Folder, Mirror, leaf_hash, node_hash
from signed import (
    HASH, Found, Key, Trust, decimal, incomplete, number_of, said, tampered, unbase64, untrusted,
)

PATH_MAX = 63
PROOF_MAX = 1024 * 1024


def proof_parts(text):
    lines, number = text.split("\n"), 0

    def line():
        nonlocal number
        if number + 1 >= len(lines):
            raise incomplete(f"the proof ends at line {number}, before its checkpoint")
        number += 1
        return lines[number - 1]

    wrong = "the proof cannot be read: line "
    if line() != "c2sp.org/tlog-proof@v1":
        raise tampered(wrong + "1")
    extra, here = None, line()
    if here.startswith("extra "):
        extra, here = unbase64(here.removeprefix("extra ")), line()
        if extra is None:
            raise tampered(wrong + "2")
    index = decimal(here.removeprefix("index ")) if here.startswith("index ") else None
    if index is None:
        raise tampered(wrong + str(number))
    path = []
    while here := line():
        path.append(unbase64(here))
        if path[-1] is None or len(path[-1]) != HASH or len(path) > PATH_MAX:
            raise tampered(wrong + str(number))
    if number == len(lines) - 1 and not lines[number]:
        raise incomplete("the proof ends before its checkpoint")
    return extra, index, path, "\n".join(lines[number:])


def root_by(index, size, leaf, path):
    """RFC 9162, 2.1.3.2; None if the path has another length than it must."""
    node, last, root = index, size - 1, leaf
    for hash_ in path:
        if last == 0:
            return None
        if node & 1 or node == last:
            root = node_hash(hash_, root)
            while not node & 1 and node:
                node, last = node >> 1, last >> 1
        else:
            root = node_hash(root, hash_)
        node, last = node >> 1, last >> 1
    return root if last == 0 else None


def check_proof(text, trust, entry, row):
    extra, index, path, note = proof_parts(text)
    place = "the proof's checkpoint"
    origin, size, root = said(note, place)
    if number_of(trust.base, origin) is None:
        raise untrusted(f"this is the log {origin!r}, and {trust.base!r} was pinned")
    trust.settle(note, origin, place)
    entry = extra if entry is None else entry
    if entry is None:
        raise incomplete("the proof does not bring its entry, and none was given (--entry)")
    if index >= size or root_by(index, size, leaf_hash(entry), path) != root:
        raise tampered(f"the proof does not show leaf {index} in the tree of {size} leaves: the "
                       "entry, the place or the way was altered")
    try:
        fields = json.loads(entry)
        summary = [fields[n] for n in ("event.action", "service.name", "@timestamp", "event.id")]
        rows = fields.get("assay.rows", [])
    except (ValueError, KeyError, TypeError, AttributeError):
        raise tampered(f"leaf {index} is no audit entry") from None
    print(f"ok: leaf {index} of {size} in {origin}: {' '.join(map(str, summary))}")
    if row is not None:
        canonical = json.dumps(row, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        digest = hashlib.sha256(canonical.encode()).hexdigest()
        found = [each for each in rows if each.get("digest") == digest]
        if not found:
            raise tampered(f"leaf {index}: the row with the digest {digest} is none of those that "
                           "its entry lists")
        print(f"    the row {found[0]['key']} of {found[0]['table']} is as it was logged")


def read(path, limit=PROOF_MAX):
    try:
        with open(path, "rb") as file:
            return file.read(limit)
    except OSError as error:
        raise incomplete(f"{path} cannot be read: {error.strerror}") from None


def row_of(data):
    """What is no JSON is no row that an entry covers."""
    try:
        return json.loads(data)
    except ValueError:
        return {}


def run(asked):
    key = Key(asked.key)
    base = asked.origin or key.name
    trust = Trust(base, key)
    if asked.check == "proof":
        row = None if asked.row is None else row_of(read(asked.row))
        entry = None if asked.entry is None else read(asked.entry)
        check_proof(read(asked.file).decode(errors="replace"), trust, entry, row)
        return
    kept = [(path, read(path).decode(errors="replace")) for path in asked.since]
    mirror = Mirror(Folder(asked.folder), trust, kept, number_of(base, key.name))
    mirror.check()
    for origin, size in mirror.done:
        print(f"ok: {origin}: {size} leaves")


def arguments(given):
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    checks = parser.add_subparsers(dest="check", required=True)
    proof = checks.add_parser("proof", help="check the proof of one entry")
    proof.add_argument("file")
    proof.add_argument("--entry", help="the entry, where the proof does not bring it")
    proof.add_argument("--row", help="a ledger row as JSON, which the entry should cover")
    mirror = checks.add_parser("mirror", help="check a copy of the whole log")
    mirror.add_argument("folder")
    mirror.add_argument("--since", action="append", default=[], help="a checkpoint you kept")
    for check in (proof, mirror):
        check.add_argument("--origin", help="the log's name; else the key's")
        check.add_argument("--key", required=True, help="the log's verifier key")
    return parser.parse_args(given)


def main(given):
    try:
        asked = arguments(given)
    except SystemExit as left:
        return 64 if left.code else 0
    try:
        run(asked)
    except Found as found:
        print(found)
        return found.code
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""Carries out the cases of a folder of vectors on copies of it; says a line of JSON for each.

    vectors.py FOLDER
"""
import contextlib
import io
import json
import os
import shutil
import sys
import tempfile

import assay_check


def read(path):
    with open(path, "rb") as file:
        return file.read()


def write(path, data):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as file:
        file.write(data)


def alter(folder, change):
    (how, what), = change.items()
    if isinstance(what, str):
        what = [what]
    path = os.path.join(folder, what[0])
    if how == "remove":
        if os.path.isdir(path):
            shutil.rmtree(path)
        else:
            os.remove(path)
        return
    data = b"" if how == "copy" else bytearray(read(path))
    if how == "flip":
        data[what[1]] ^= 1
    elif how == "replace":
        data = bytes(data).replace(what[1].encode(), what[2].encode(), 1)
    elif how == "cut":
        data = data[:what[1]]
    elif how == "append":
        data += what[1].encode()
    elif how == "copy":
        data = read(os.path.join(folder, what[1]))
    elif how == "swap":
        other = os.path.join(folder, what[1])
        data, here = read(other), data
        write(other, here)
    elif how == "swap-within":
        length, one, other = what[1:]
        left, right = bytes(data[one:one + length]), bytes(data[other:other + length])
        data[one:one + length], data[other:other + length] = right, left
    else:
        raise ValueError(how)
    write(path, data)


def carry_out(case, folder):
    for change in case.get("changes", []):
        alter(folder, change)
    place = os.getcwd()
    os.chdir(folder)
    try:
        os.makedirs("mirror", exist_ok=True)
        given = [case["check"], case["of"], "--origin", case["origin"], "--key=" + case["key"]]
        for name in ("entry", "row"):
            given += [f"--{name}", case[name]] if name in case else []
        for kept in case.get("since", []):
            given += ["--since", kept]
        said = io.StringIO()
        with contextlib.redirect_stdout(said):
            code = assay_check.main(given)
        return code, said.getvalue()
    finally:
        os.chdir(place)


def files_of(folder):
    return {
        os.path.relpath(os.path.join(place, name), folder): read(os.path.join(place, name))
        for place, _, names in os.walk(folder) for name in names
    }


def restore(folder, files):
    for path in files_of(folder):
        if path not in files:
            os.remove(os.path.join(folder, path))
    for path, data in files.items():
        full = os.path.join(folder, path)
        if not os.path.exists(full) or read(full) != data:
            write(full, data)


def main(vectors):
    files = files_of(vectors)
    with tempfile.TemporaryDirectory() as folder:
        for case in json.loads(files["cases.json"]):
            restore(folder, files)
            code, said = carry_out(case, folder)
            print(json.dumps({"name": case["name"], "code": code, "says": said}))


if __name__ == "__main__":
    main(sys.argv[1])

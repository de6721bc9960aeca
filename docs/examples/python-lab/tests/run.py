"""Runs the learner's calculator as a program of its own, and reports in TAP."""

import json
import subprocess
import sys

CASES = json.loads('{"adds": ["add", "2", "3", "5"], "subtracts": ["subtract", "2", "3", "-1"]}')

print(f"1..{len(CASES)}")
for number, (name, (verb, left, right, expected)) in enumerate(CASES.items(), 1):
    done = subprocess.run(
        [sys.executable, "-I", "calc.py", verb, left, right],
        capture_output=True,
        check=False,
        text=True,
        timeout=5,
    )
    good = done.returncode == 0 and done.stdout.strip() == expected
    print(f"{'ok' if good else 'not ok'} {number} - {name}")

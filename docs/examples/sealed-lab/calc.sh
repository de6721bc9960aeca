#!/bin/sh
# Usage: calc.sh add|subtract NUMBER NUMBER
echo "not written yet"

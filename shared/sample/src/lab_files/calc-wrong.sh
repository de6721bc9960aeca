#!/bin/sh
# Usage: calc.sh add|subtract NUMBER NUMBER
case $1 in
add) echo $(($2 + $3)) ;;
subtract) echo $(($3 - $2)) ;;
*) echo "unknown: $1" >&2; exit 2 ;;
esac

#!/bin/sh
# Runs the learner's program once for each case and keeps what it prints, and its exit code.
# Knows no answer, and says nothing of right or wrong.
mkdir -p out
while read -r name arguments; do
    # shellcheck disable=SC2086 # the arguments are words
    sh ./calc.sh $arguments >"out/$name" 2>&1 </dev/null
    echo "exit code $?" >>"out/$name"
done <tests/cases
exit 0

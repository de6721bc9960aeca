#!/bin/sh
# Checks calc.sh and writes what it found to report.xml, in JUnit's format.
# Ends with 1 if a test did not hold, so that the exit code says the same as the report.

failures=0
cases=""

# check NAME EXPECTED ARGUMENTS...
check() {
    name=$1
    expected=$2
    shift 2
    actual=$(sh ./calc.sh "$@" 2>&1)
    if [ "$actual" = "$expected" ]; then
        printf 'ok    %s\n' "$name"
        cases="$cases  <testcase classname=\"calc\" name=\"$name\" time=\"0.001\"/>
"
        return
    fi
    printf 'wrong %s: calc.sh %s gives "%s" instead of "%s"\n' "$name" "$*" "$actual" "$expected"
    failures=$((failures + 1))
    shown=$(printf '%s' "$actual" | tr -cd 'A-Za-z0-9 .:-' | cut -c 1-60)
    cases="$cases  <testcase classname=\"calc\" name=\"$name\" time=\"0.001\">
    <failure message=\"calc.sh $* gives '$shown' instead of '$expected'\"/>
  </testcase>
"
}

check adds 5 add 2 3
check subtracts 4 subtract 7 3

{
    printf '<?xml version="1.0" encoding="UTF-8"?>\n'
    printf '<testsuite name="calc" tests="2" failures="%s" errors="0">\n' "$failures"
    printf '%s</testsuite>\n' "$cases"
} >report.xml

[ "$failures" -eq 0 ]

#!/bin/sh
# Builds the library and runs its tests, from this checkout alone.
#
#     sh tests/run.sh [--long | --quick | --threads] [--except REGEX] [--build DIR] [CMAKE_OPTION...]
#
#   --long        also the tests labelled long, and the measurements of tests/bench (see there for what they need)
#   --quick       without the tests labelled slow
#   --threads     only tests in which several threads run, for -DSM_SANITIZE=thread
#   --except REGEX  without the tests whose names it matches; "" for all
#   --build DIR   build there; without it in build/
#   CMAKE_OPTION  such as -DSM_SANITIZE=address,undefined
#
# Prints a line per test program, the output of those that fail, and last "N passed, N failed, N skipped", which counts
# the cases inside the programs. The exit code is 0 when nothing failed. With CI=true a skipped case is a failed one.
set -eu
cd "$(dirname "$0")/.."

long=
without='-LE ^long$'
only= except= target=
build=build
while [ $# -gt 0 ]; do
  case $1 in
    --long) long=yes without= ;;
    --quick) without='-LE ^(slow|long)$' ;;
    --threads) only='-L ^threads$' target='--target tests-with-threads' ;;
    --except) [ -z "$2" ] || except="-E $2"; shift ;;
    --build) build=$2; shift ;;
    -D*) break ;;
    *) sed -n '2,/^set/s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
  esac
  shift
done
jobs=$(getconf _NPROCESSORS_ONLN)
log=$(mktemp)
trap 'rm -f "$log"' EXIT

quietly() { # COMMAND...: shows its output only when it fails
  "$@" >"$log" 2>&1 && return
  cat "$log" >&2
  echo "failed: $*" >&2
  exit 1
}

sh .ci/setup
echo "== Building into $build"
quietly cmake -S . -B "$build" -DSM_BUILD_TESTS=ON "$@"
# shellcheck disable=SC2086
quietly cmake --build "$build" -j "$jobs" $target

# Reads what ctest -V prints: "12: text" is output of test 12, " 3/40 Test #12: name ... Passed 0.01 sec" its result. A
# test that prints how many cases it has, as cmocka does or as "N passed, N failed[, N skipped]", counts as so many.
count_results='
  /^[0-9]+: / {
    test = $1; text = substr($0, length(test) + 2)
    output[test] = output[test] text "\n"
    if (match(text, /^[0-9]+ passed, [0-9]+ failed/)) {
      split(text, parts, /[^0-9]+/); passed[test] = parts[1]; failed[test] = parts[2]; skipped[test] = parts[3]
    } else if (match(text, /^\[ +(PASSED|FAILED|SKIPPED) +\] [0-9]+ test\(s\)/)) {
      match(text, /[0-9]+/); n_cases = substr(text, RSTART, RLENGTH)
      if (text ~ /PASSED/) passed[test] += n_cases
      else if (text ~ /FAILED/) failed[test] += n_cases
      else skipped[test] += n_cases
    }
  }
  /^ *[0-9]+\/[0-9]+ Test +#[0-9]+:/ {
    sub(/^ *[0-9]+\/[0-9]+ Test +#/, ""); test = $1
    if ($0 ~ /\.\.\.+ *Passed /) { if (passed[test] + failed[test] + skipped[test] == 0) passed[test] = 1 }
    else if ($0 ~ /\.\*\*\*Skipped /) { if (skipped[test] == 0) skipped[test] = 1 }
    else { if (failed[test] == 0) failed[test] = 1; bad = bad " " test }
    if (skipped[test] > 0 && $0 ~ /Passed/) $0 = $0 "  (" skipped[test] " skipped)"
    print; fflush()
    n_passed += passed[test]; n_failed += failed[test]; n_skipped += skipped[test]
  }
  END {
    n_bad = split(bad, tests, " ")
    for (i = 1; i <= n_bad; i++) printf "\n-- output of test %s\n%s", tests[i], output[tests[i]]
    print n_passed + 0, n_failed + 0, n_skipped + 0 > counts
  }'

echo "== Testing"
# shellcheck disable=SC2086
(cd "$build" && ctest -V -j "$jobs" $without $only $except 2>&1) | awk -v counts="$log" "$count_results"
read -r passed failed skipped <"$log"

if [ -n "$long" ]; then
  echo "== Measuring"
  if [ ! -d "${SM_SHARED:-../shared}/bench" ]; then
    echo "skipped: nothing to measure against; set SM_SHARED to the folder that has bench/"
    skipped=$((skipped + 1))
  elif sh tests/bench/run.sh; then
    passed=$((passed + 1))
  else
    failed=$((failed + 1))
  fi
fi

if [ "$passed" = 0 ]; then
  echo "no test ran"
  failed=$((failed + 1))
fi
if [ "${CI:-}" = true ] && [ "$skipped" != 0 ]; then
  echo "$skipped skipped, which counts as failed here"
  failed=$((failed + skipped)) skipped=0
fi
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ]

#!/bin/sh
# Fuzzes the parsers with libFuzzer.
#
#     tests/fuzz/run.sh SECONDS [TARGET...]
#
#   SECONDS        for each target, one after the other
#   TARGET         a fuzz_TARGET.c here; without it all of them
#   SM_SHARED      folder of reference models, for more to start from; without it tests/data alone
#   SM_FUZZ_BUILD  build with clang; without it build/fuzz. What was found to be interesting lies in its corpus/ and is
#                  taken up again; what broke something in its found/.
#
# Needs clang with its runtime (Debian: clang, libclang-rt-dev), python3 and protoc. Inputs grow to 4 KiB, or to the size
# of the largest seed. Prints a table in Markdown: executions, coverage (edges of the code, libFuzzer's "cov"), seconds.
# The exit code is 1 when something was found.
set -eu
[ $# -ge 1 ] || { sed -n '2,/^set/s/^# \{0,1\}//p' "$0" >&2; exit 2; }
seconds=$1
shift
cd "$(dirname "$0")/../.."
build=${SM_FUZZ_BUILD:-build/fuzz}
[ $# -ge 1 ] || set -- $(ls tests/fuzz/fuzz_*.c | sed 's/.*fuzz_\(.*\)\.c/\1/')

quietly() { # COMMAND...: shows its output only when it fails
  "$@" >"$build/log" 2>&1 && return
  cat "$build/log" >&2
  echo "failed: $*" >&2
  exit 1
}

mkdir -p "$build/found"
quietly cmake -S . -B "$build" -DCMAKE_C_COMPILER=clang -DCMAKE_CXX_COMPILER=clang++ -DSM_BUILD_TESTS=ON -DSM_FUZZ=ON \
  -DSM_SANITIZE=fuzzer-no-link,address,undefined -DCMAKE_C_FLAGS_RELWITHDEBINFO="-O2 -g" # asserts stay
quietly cmake --build "$build" -j "$(getconf _NPROCESSORS_ONLN)" --target fuzz_targets
python3 tests/fuzz/seeds.py tests/data proto "$build/seeds"

failed=0
echo "| target | executions | coverage | seconds |"
echo "|---|---|---|---|"
for target; do
  mkdir -p "$build/corpus/$target" "$build/seeds/$target" # seeds.py need not know the target
  status=0
  ASAN_OPTIONS=allocator_may_return_null=1 "$build/tests/fuzz/fuzz_$target" -max_total_time="$seconds" -timeout=10 \
    -rss_limit_mb=2048 -use_value_profile=1 -print_final_stats=1 \
    -artifact_prefix="$build/found/$target-" "$build/corpus/$target" "tests/fuzz/corpus/$target" \
    "$build/seeds/$target" >"$build/$target.log" 2>&1 || status=$?
  awk -v target="$target" '
    match($0, / cov: [0-9]+/) { cov = substr($0, RSTART + 6, RLENGTH - 6) }
    /^Done [0-9]+ runs in/ { took = $5 }
    /^stat::number_of_executed_units:/ { n = $2 }
    END { print "| " target " | " n + 0 " | " cov + 0 " | " took + 0 " |" }' "$build/$target.log"
  [ "$status" = 0 ] && continue
  failed=1
  tail -n 60 "$build/$target.log" >&2
done
[ "$failed" = 0 ] || { echo "inputs that broke something: $build/found" >&2; exit 1; }

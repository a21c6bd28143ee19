#!/bin/sh
# From a fresh checkout to a printed model: installs what is missing, builds into build/, shows a small SavedModel.
#
#     sh examples/quickstart.sh
#
# It can be run again at any time; what is done already is not done twice.
set -eu
cd "$(dirname "$0")/.."

model=tests/data/models/v2/one_signature

echo "1. Looking for compiler, CMake and protobuf-c"
sh .ci/setup

echo "2. Building into build/"
log=$(mktemp)
trap 'rm -f "$log"' EXIT
if ! cmake -S . -B build >"$log" 2>&1 || ! cmake --build build -j "$(getconf _NPROCESSORS_ONLN)" >>"$log" 2>&1; then
  cat "$log" >&2
  echo "The build failed; its output is above." >&2
  exit 1
fi

echo "3. build/savedmodel show --dir $model --tag_set serve --signature_def serving_default"
echo
build/savedmodel show --dir "$model" --tag_set serve --signature_def serving_default

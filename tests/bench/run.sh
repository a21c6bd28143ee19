#!/bin/sh
# Measures speed and size against the goals, next to the bare minimum and to TensorFlow, all in one run.
#
#     tests/bench/run.sh [MODELS_DIR]
#
#   MODELS_DIR      models lie here, and are made here when missing (93 MB of graphs, 0.5 GB of objects, 1.5 GB through TensorFlow); without
#                   it ~/.cache/libsavedmodel-bench
#   SM_SHARED       folder with bench/skim.c, measure.c, restore_floor.c, limits.c, tf_c.c, tf_jobs.py and make_models.py;
#                   without it ../shared
#   SM_VENV         Python environment with TensorFlow; without it ~/.cache/libsavedmodel-tf-2.21
#   SM_BENCH_BUILD  Release build; without it build/bench
#
# Prints a table in Markdown, and below it what could not be measured. The exit code is 0 when every goal that was measured
# is met. Takes six minutes, 2 GiB of memory, 3 GiB below TMPDIR and 5 GiB in MODELS_DIR; other work on the machine shows in the times.
set -eu
cache=${XDG_CACHE_HOME:-$HOME/.cache}
models=${1:-$cache/libsavedmodel-bench}
case $models in /*) ;; *) models=$PWD/$models ;; esac
cd "$(dirname "$0")/../.."
shared=${SM_SHARED:-../shared}
venv=${SM_VENV:-$cache/libsavedmodel-tf-2.21}
build=${SM_BENCH_BUILD:-build/bench}

rounds="1 2 3" # ours and theirs in turn, so that a busy moment hits both; the lowest counts
runs=40        # of a process, in each round

for source in skim.c measure.c; do
  [ -f "$shared/bench/$source" ] && continue
  echo "run.sh: no $shared/bench/$source: set SM_SHARED to the folder that has bench/" >&2
  exit 1
done
work=$(mktemp -d)
mkdir "$work/bin"
ram=/dev/shm # a place where files are memory
[ -w "$ram" ] || ram=$work
trap 'rm -rf "$work" "$models/retag4g" "$ram/$$-save"' EXIT
trap 'exit 1' HUP INT TERM
missing=$work/missing failed=$work/failed
: >"$missing" >"$failed"

quietly() { # COMMAND...: shows its output only when it fails
  "$@" >"$work/log" 2>&1 && return
  cat "$work/log" >&2
  echo "failed: $*" >&2
  exit 1
}

# ---- What is measured ----

echo "== Building into $build" >&2
quietly cmake -S . -B "$build" -DCMAKE_BUILD_TYPE=Release -DSM_BUILD_TESTS=ON
quietly cmake --build "$build" -j "$(getconf _NPROCESSORS_ONLN)" --target savedmodel bench_open bench_make_graph bench_text \
  bench_crc32c bench_table bench_make_table bench_bundle bench_edit bench_objects bench_make_objects bench_save
if grep -q '^PROTOBUF_C_ARCHIVE:.*\.a$' "$build/CMakeCache.txt"; then
  quietly cmake --build "$build" --target savedmodel-static
else
  echo "the static tool: there is no libprotobuf-c.a" >>"$missing"
fi
tool=$build/savedmodel static_tool=$build/savedmodel-static
bench_open=$build/tests/bench/bench_open
bench_text=$build/tests/bench/bench_text
bench_table=$build/tests/bench/bench_table
bench_bundle=$build/tests/bench/bench_bundle
bench_edit=$build/tests/bench/bench_edit
bench_objects=$build/tests/bench/bench_objects
bench_save=$build/tests/bench/bench_save
quietly cc -O2 -w -o "$work/bin/skim" "$shared/bench/skim.c"
quietly cc -O2 -w -o "$work/bin/measure" "$shared/bench/measure.c"
for source in restore_floor limits; do # for the CPU they are compiled on
  cc -O2 -w -march=native -o "$work/bin/$source" "$shared/bench/$source.c" >"$work/log" 2>&1 ||
    echo "$source: $source.c cannot be compiled for this CPU" >>"$missing"
done

tensorflow=$(find "$venv/lib" -maxdepth 3 -name tensorflow -type d 2>/dev/null | head -n 1)
if [ -z "$tensorflow" ]; then
  echo "TensorFlow: none in $venv (SM_VENV)" >>"$missing"
elif ! cc -O2 -w -I"$tensorflow/include" -o "$work/bin/tf_c" "$shared/bench/tf_c.c" "$tensorflow/libtensorflow_cc.so.2" \
  "$tensorflow/libtensorflow_framework.so.2" "-Wl,-rpath,$tensorflow" >"$work/log" 2>&1; then
  echo "TensorFlow's C API: tf_c.c cannot be built with $tensorflow" >>"$missing"
fi

# ---- Models ----

mkdir -p "$models"
for thousands in 005 050 500; do # paths of one length, so that they do not show in the memory
  file=$models/graph${thousands}k/saved_model.pb
  [ -f "$file" ] && continue
  echo "== Making $file" >&2
  mkdir -p "$(dirname "$file")"
  quietly "$build/tests/bench/bench_make_graph" "${thousands#0}000" "$work/made.pb"
  mv "$work/made.pb" "$file"
done
quietly "$build/tests/bench/bench_make_table" 100000 "$work/keys100k.index"
made_of_objects() { # NAME ARGUMENT...
  [ ! -f "$models/$1/saved_model.pb" ] || return 0
  echo "== Making $models/$1" >&2
  name=$1
  shift
  quietly "$build/tests/bench/bench_make_objects" "$@" "$work/made"
  mv "$work/made" "$models/$name"
}
made_of_objects bert bert
made_of_objects objects100k nodes 100000
made_by_tensorflow() { # NAME FILE
  [ ! -f "$models/$1/$2" ] || return 0
  if [ -z "$tensorflow" ]; then
    echo "$1: not in $models, and TensorFlow, which makes it, is not there" >>"$missing"
    return 0
  fi
  echo "== Making $models/$1" >&2
  quietly "$venv/bin/python" "$shared/bench/make_models.py" "$work" "$1"
  mv "$work/$1" "$models/$1"
}
mobilenet=$models/mobilenet
made_by_tensorflow mobilenet saved_model.pb
made_by_tensorflow bundle1g ckpt.index
made_by_tensorflow keys100k ckpt.index
gigabyte=$models/bundle1g/ckpt keys=$models/keys100k/ckpt

# ---- Measuring ----

# process NAME RUNS COMMAND...: appends a line of measure.c to $work/NAME, and the mean CPU time in ms to $work/NAME.cpu,
# which measure.c shows in clock ticks only.
process() {
  name=$1 count=$2
  shift 2
  times >"$work/before"
  MEASURE_QUIET=1 "$work/bin/measure" "$count" "$name" "$@" >>"$work/$name" || { echo "failed: $*" >&2; exit 1; }
  times >"$work/after"
  cat "$work/before" "$work/after" | awk -v n="$count" '
    NR % 2 == 0 { gsub(/[ms]/, " "); cpu = 60 * $1 + $2 + 60 * $3 + $4; if (NR == 4) print 1000 * (cpu - first) / n; first = cpu }
  ' >>"$work/$name.cpu"
}

values() { sed -n "s/.*\"$2\":\\([^,}]*\\).*/\\1/p" "$work/$1" | sort -n; } # FILE KEY
lowest() { values "$1" "$2" | head -n 1; }
highest() { values "$1" "$2" | tail -n 1; }
calculate() { awk "BEGIN { printf \"%.${2:-2f}\", $1 }"; } # EXPRESSION [FORMAT]

# data_limit COMMAND...: the least KiB of private memory (heap, stack of the loader, data of the libraries; not the mapped
# file) with which the command still succeeds.
data_limit() {
  low=0 high=65536
  while [ $((high - low)) -gt 4 ]; do
    middle=$(((low + high) / 2))
    if (ulimit -d "$middle" && exec "$@") >"$work/log" 2>&1; then high=$middle; else low=$middle; fi
  done 2>/dev/null
  echo "$high"
}

bundle() { "$bench_bundle" "$@" >>"$work/bundle_$1"; } # JOB RUNS PREFIX [OUT]

tf_job() { # JOB PREFIX RUNS: lines of tf_jobs.py
  [ -z "$tensorflow" ] || SCRATCH=$work/scratch "$venv/bin/python" "$shared/bench/tf_jobs.py" "$@" >>"$work/tf_$1" 2>"$work/log" ||
    { cat "$work/log" >&2; echo "failed: tf_jobs.py $1" >&2; exit 1; }
  rm -rf "$work/scratch"
}

# A file that came into the page cache bit by bit lies there in small pieces, and maps three times slower than one that was
# read in a row.
refresh() { # FILE
  dd if="$1" iflag=nocache count=0 2>"$work/log"
  cat "$1" >/dev/null
}

measure_gigabyte() { # ROUND
  refresh "$gigabyte.data-00000-of-00001"
  bundle view 5 "$gigabyte"
  bundle verify 5 "$gigabyte"
  bundle read 5 "$gigabyte"
  bundle read_into 5 "$gigabyte"
  [ ! -x "$work/bin/restore_floor" ] ||
    "$work/bin/restore_floor" "$gigabyte.data-00000-of-00001" 4194304 >>"$work/restore_floor"
  bundle write 3 "$gigabyte" "$work/written"
  tf_job restorev2 "$gigabyte" 4
  [ "$1" = 1 ] || return 0 # the others take long, and are the lowest of several by themselves
  [ ! -x "$work/bin/limits" ] || "$work/bin/limits" "$work" >"$work/limits" || echo "limits: it failed" >>"$missing"
  bundle write_sync 3 "$gigabyte" "$work/written"
  tf_job savev2 "$gigabyte" 4
}

measure_keys() { # ROUND
  process nothing "$runs" "$bench_bundle" nothing
  process one "$runs" "$bench_bundle" one "$keys" model/block_045/unit_50000/weights # as TensorFlow, one of the middle
  process tensors 5 "$tool" tensors "$keys"
  bundle find 3 "$keys"
  bundle get 3 "$keys"
  bundle list 10 "$keys"
  [ "$1" = 1 ] || return 0
  bundle cycle 10000 "$keys"
  tf_job random "$keys" 4
}

measure_objects() {
  refresh "$models/bert/variables/variables.data-00000-of-00001"
  "$bench_objects" views 50 "$models/bert" >>"$work/objects_views"
  "$bench_objects" verified 5 "$models/bert" >>"$work/objects_verified"
  [ ! -x "$work/bin/restore_floor" ] || # most tensors are of 768 x 768 numbers
    "$work/bin/restore_floor" "$models/bert/variables/variables.data-00000-of-00001" 2359296 >>"$work/objects_floor"
  "$bench_objects" graph 5 "$models/objects100k" >>"$work/objects_graph"
  "$bench_objects" views 5 "$models/objects100k" >>"$work/objects_keys"
  "$bench_objects" one 5 "$models/objects100k" >>"$work/objects_one"
}

measure_save() { # ROUND
  "$bench_save" objects 20 2000 1 "$ram/$$-save" >>"$work/save_objects"
  "$bench_save" objects 20 2000 2000 "$ram/$$-save" >>"$work/save_reading"
  "$bench_save" objects 10 2000 1 "$work/save" >>"$work/save_disk"
  [ ! -f "$mobilenet/saved_model.pb" ] || "$bench_save" freeze 20 "$mobilenet" "$ram/$$-save" >>"$work/save_freeze"
  if [ -z "$tensorflow" ] || [ "$1" != 1 ]; then return 0; fi # takes half a minute
  "$venv/bin/python" tests/bench/save_tf.py objects 2000 1 "$work/save" >"$work/tf_save_objects" 2>"$work/log"
  "$venv/bin/python" tests/bench/save_tf.py objects 2000 2000 "$work/save" >"$work/tf_save_reading" 2>"$work/log"
  [ ! -f "$mobilenet/saved_model.pb" ] ||
    "$venv/bin/python" tests/bench/save_tf.py freeze "$mobilenet" "$work/save" >"$work/tf_save_freeze" 2>"$work/log"
}

echo "== Measuring, load $(uptime | sed 's/.*average: *//')" >&2
# 4 GiB of weights beside a saved_model.pb of 1.8 MB, where links can be made; gone when this ends.
measure_retag() {
  retag=$models/retag4g
  mkdir -p "$retag/from/variables"
  echo "== Making $retag" >&2
  quietly "$build/tests/bench/bench_make_graph" 11000 "$retag/from/saved_model.pb"
  quietly "$bench_edit" weights "$retag/from/variables/variables" 4096
  "$bench_edit" retag 20 "$retag/from" "$retag/to" >"$work/retag"
  "$tool" edit "$retag/from" "$retag/to" --set-tags a,b >/dev/null 2>&1 || return 0 # the tool cannot
  process edit 1 "$tool" edit "$retag/from" "$retag/again" --set-tags a,b
}
measure_rename() { # of the same weights
  process rename 5 "$tool" checkpoint rename "$models/retag4g/from/variables/variables" "$models/retag4g/renamed" \
    --map layer_0000/=first/ --overwrite
}
measure_retag
measure_rename

for round in $rounds; do
  if [ -f "$mobilenet/saved_model.pb" ]; then
    process show "$runs" "$tool" show --dir "$mobilenet" --all
    process skim "$runs" "$work/bin/skim" "$mobilenet/saved_model.pb" 1
    [ ! -x "$static_tool" ] || process show_static "$runs" "$static_tool" show --dir "$mobilenet" --all
    "$bench_open" 3000 "$mobilenet" >>"$work/open_mobilenet"
    "$work/bin/skim" "$mobilenet/saved_model.pb" 3000 >>"$work/skim_mobilenet"
    "$bench_text" 20 "$mobilenet/saved_model.pb" >>"$work/text_mobilenet"
    if [ -n "$tensorflow" ]; then process tf_show 1 "$venv/bin/saved_model_cli" show --dir "$mobilenet" --all; fi
    [ ! -x "$work/bin/tf_c" ] || [ "$round" != 1 ] ||
      TF_CPP_MIN_LOG_LEVEL=3 "$work/bin/tf_c" load "$mobilenet" >"$work/tf_load" 2>/dev/null
  fi
  for size in 005k 050k 500k; do
    process "show_$size" 5 "$tool" show --dir "$models/graph$size" --all
    process "skim_$size" 5 "$work/bin/skim" "$models/graph$size/saved_model.pb" 1
    "$bench_open" 3000 "$models/graph$size" >>"$work/open_$size"
  done
  "$work/bin/skim" "$models/graph500k/saved_model.pb" 30 >>"$work/skim_graph500k"
  "$bench_text" 10 --floats "$work/floats.pbtxt" >>"$work/text_floats"
  "$build/tests/bench/bench_crc32c" 5 >>"$work/crc32c"
  "$bench_table" 20 "$work/keys100k.index" >>"$work/table"
  measure_objects
  measure_save "$round"
  [ ! -f "$gigabyte.index" ] || measure_gigabyte "$round"
  [ ! -f "$keys.index" ] || measure_keys "$round"
  if [ -n "$tensorflow" ] && [ "$round" = 1 ]; then
    "$venv/bin/python" tests/bench/text_tf.py GraphDef "$work/floats.pbtxt" >"$work/tf_text_floats" 2>/dev/null
    [ ! -f "$mobilenet/saved_model.pb" ] ||
      "$venv/bin/python" tests/bench/text_tf.py SavedModel "$mobilenet/saved_model.pb" >"$work/tf_text_mobilenet" 2>/dev/null
  fi
done
for size in 005k 050k 500k; do
  data_limit "$tool" show --dir "$models/graph$size" --all >"$work/limit_$size"
done

# ---- The table ----

# row WHAT OURS GOAL MET FLOOR RATIO TENSORFLOW; MET is an expression, "" where there is no goal.
row() {
  verdict=
  if [ -n "$4" ]; then
    verdict=yes
    if ! awk "BEGIN { exit !($4) }"; then verdict=NO; echo "$1" >>"$failed"; fi
  fi
  printf '| %s | %s | %s | %s | %s | %s | %s |\n' "$1" "$2" "$3" "$verdict" "${5:-}" "${6:-}" "${7:-}"
}

wall_of() { calculate "1000 * $(lowest "$1" "$2")" 1f; }
cpu_of() { calculate "$(sort -n "$work/$1.cpu" | head -n 1)" "${2:-1f}"; }
# skim.c has two times: tags and signatures, all fields of all nodes.
skim_of() { sed -n 's/.*signatures in \([0-9.]*\) ms.*/\1/p' "$work/$1" | sort -n | head -n 1; }

skim_nodes_of() { sed -n 's/.*fields in \([0-9.]*\) ms.*/\1/p' "$work/$1" | sort -n | head -n 1; }

show_rows() { # NAME OF_TOOL
  wall=$(wall_of "$1" wall_min) cpu=$(cpu_of "$1") rss=$(highest "$1" rss_mib) tf_wall='' tf_cpu='' tf_rss=''
  floor=$(wall_of skim wall_min) floor_cpu=$(cpu_of skim) floor_rss=$(highest skim rss_mib)
  if [ -f "$work/tf_show" ] && [ "$1" = show ]; then
    tf_wall="$(wall_of tf_show wall_min) ms" tf_cpu="$(cpu_of tf_show 0f) ms" tf_rss="$(highest tf_show rss_mib) MiB"
  fi
  row "$2 \`show --all\`, mobilenet: wall, min (median)" "$wall ($(wall_of "$1" wall_med)) ms" "≤ 10 ms" "$wall <= 10" \
    "$floor ms" "$(calculate "$wall / $floor" 1f)" "$tf_wall"
  row "the same: CPU, mean" "$cpu ms" "" "" "$floor_cpu ms" "$(calculate "$cpu / $floor_cpu" 1f)" "$tf_cpu"
  row "the same: peak RSS" "$rss MiB" "≤ 10 MiB" "$rss <= 10" "$floor_rss MiB" "$(calculate "$rss / $floor_rss" 1f)" "$tf_rss"
}

summary_row() { # MODEL FILE
  ours=$(lowest "$2" summary_min) floor=$(skim_nodes_of "skim_$1")
  row "first graph summary, $1: min" "$ours ms" "" "" "$floor ms" "$(calculate "$ours / $floor" 1f)"
}

open_mobilenet_rows() {
  ours=$(lowest open_mobilenet open_min) floor=$(skim_of skim_mobilenet) tf=
  [ ! -s "$work/tf_load" ] || tf="$(sed -n 's/C load [0-9]*: \([0-9]*\).*/\1/p' "$work/tf_load" | sort -n | head -n 1) ms"
  row "open + all signatures, mobilenet: min (median)" "$ours ($(lowest open_mobilenet open_med)) ms" "≤ 4 × skim" \
    "$ours <= 4 * $floor" "$floor ms" "$(calculate "$ours / $floor" 1f)" "$tf"
  row "the same, file not in the page cache: median" "$(lowest open_mobilenet cold_med) ms" "" ""
  summary_row mobilenet open_mobilenet
}

open_graph_rows() {
  ours=$(lowest open_500k open_min) floor=$(skim_of skim_graph500k)
  row "open + all signatures, graph500k: min (median)" "$ours ($(lowest open_500k open_med)) ms" "≤ 0.1 ms" \
    "$ours <= 0.1" "$floor ms" "$(calculate "$ours / $floor" 1f)"
  least=$(lowest open_005k open_heap) most=$(highest open_500k open_heap)
  row "the same, 5k / 50k / 500k nodes: peak heap" "$least / $(highest open_050k open_heap) / $most bytes" "does not grow" \
    "$most <= $least"
  row "the same: peak RSS" "$(each open open_rss 1024) MiB" "" ""
  summary_row graph500k open_500k
}

each() { # PREFIX KEY DIVISOR: of the three graphs, "1.0 / 1.0 / 1.0"
  for size in 005k 050k 500k; do calculate "$(highest "$1_$size" "$2") / $3" 1f; echo; done | paste -s -d / - | sed 's,/, / ,g'
}

show_graph_rows() {
  for size in 005k 050k 500k; do
    wall=$(wall_of "show_$size" wall_min) floor=$(wall_of "skim_$size" wall_min)
    row "\`show --all\`, graph${size#"${size%%[1-9]*}"} ($(calculate "$(wc -c <"$models/graph$size/saved_model.pb") / 1e6" 1f) MB): wall, min" \
      "$wall ms" "" "" "$floor ms" "$(calculate "$wall / $floor" 1f)"
  done
  row "the same, 5k / 50k / 500k: peak RSS with the mapped file" "$(each show rss_mib 1) MiB" "" "" "$(each skim rss_mib 1) MiB"
  least=$(cat "$work/limit_005k") most=$(cat "$work/limit_500k")
  row "the same: least \`ulimit -d\` it runs with" "$least / $(cat "$work/limit_050k") / $most KiB" "does not grow" \
    "$most <= $least + 8"
}

text_rows() { # NAME WHAT GOAL; GOAL in MB/s or ""
  megabytes=$(calculate "$(highest "text_$1" text_bytes) / 1e6" 1f)
  for way in read write; do
    ours=$(highest "text_$1" "${way}_mbps") tf=
    [ ! -s "$work/tf_text_$1" ] || tf="$(highest "tf_text_$1" "${way}_mbps") MB/s"
    case $way in read) what="text to bytes" ;; *) what="bytes to text" ;; esac
    row "$what, $2 ($megabytes MB of text)" "$ours MB/s" "${3:+≥ $3 MB/s}" "${3:+$ours >= $3}" "" "" "$tf"
  done
}

crc32c_row() { # WHAT OURS THEIRS KEY GOAL: lines of bench_crc32c with OURS and with THEIRS in them; GOAL a ratio or ""
  grep -F "$2" "$work/crc32c" >"$work/crc32c_ours" || return 0
  grep -F "$3" "$work/crc32c" >"$work/crc32c_theirs" || return 0
  ours=$(highest crc32c_ours "$4") floor=$(highest crc32c_theirs "$4")
  row "$1" "$ours GB/s" "${5:+≥ $5 × floor}" "${5:+$ours >= $5 * $floor}" "$floor GB/s" "$(calculate "$ours / $floor")"
}

crc32c_rows() {
  three='"floor: three chains"' memcpy='"floor: memcpy"' fold='"VPCLMULQDQ, 512 bits"'
  crc32c_row "crc32c in three chains, in cache; floor: not joined" '"SSE 4.2, three chains"' "$three" cache 0.9
  crc32c_row "the same, 4 KiB" '"SSE 4.2, three chains"' "$three" block 0.9
  crc32c_row "the same, from memory" '"SSE 4.2, three chains"' "$three" memory 0.9
  crc32c_row "crc32c folded in 512 bits, in cache" "$fold" "$three" cache 1.8
  crc32c_row "the same, 4 KiB" "$fold" "$three" block 1.8
  crc32c_row "the same, from memory" "$fold" "$three" memory 1
  crc32c_row "crc32c folded in 256 bits, from memory" '"VPCLMULQDQ, 256 bits"' "$three" memory 0.9
  crc32c_row "copy with crc32c, the form that is chosen; floor: memcpy" '"chosen":1' "$memcpy" copy 0.9
}

# ---- Checkpoints: CPU times but where it says wall ----

# Of restore_floor.c: ms. Of limits.c: GB for each second of CPU. Of tf_jobs.py: ms, COLUMN is cpu, min (wall) or rss +.
floor_of() { sed -n "s/^$1 .*cpu *\([0-9.]*\) ms.*/\1/p" "$work/restore_floor" 2>/dev/null | sort -n | head -n 1; } # LABEL
limit_of() { sed -n "s/^$1 .* \([0-9.]*\) GB.s per cpu.*/\1/p" "$work/limits" 2>/dev/null; }                     # LABEL
tf_of() { sed -n "s/^$2 .*$3 *\([0-9][0-9.]*\).*/\1/p" "$work/tf_$1" 2>/dev/null | sort -n | head -n 1; }                # JOB LABEL COLUMN

bundle_row() { # WHAT JOB FLOOR [TENSORFLOW [GOAL MET]]: with a floor the goal is 1.2 times that
  ours=$(lowest "bundle_$2" cpu_min) goal=${5:-} met=${6:-}
  if [ -n "$3" ]; then
    goal="≤ 1.2 × floor${goal:+, $goal}" met="$ours <= 1.2 * $3${met:+ && $ours $met}"
  fi
  row "$1" "$(calculate "$ours" 1f) ms" "$goal" "$met" "${3:+$(calculate "$3" 1f) ms}" \
    "${3:+$(calculate "$ours / $3")}" "${4:+$(calculate "$4" 1f) ms}"
}

mib_of() { calculate "$(highest "bundle_$1" "$2") / 1024" 0f; } # JOB KEY

gigabyte_rows() {
  restore=$(tf_of restorev2 "raw RestoreV2" cpu) save=$(tf_of savev2 "raw SaveV2" cpu)
  huge=$({ floor_of "read into fresh huge pages + crc32c"; floor_of "read, chunked.*"; } | sort -n | head -n 1)
  bundle_row "map and check 1 GiB; floor: map + crc32c" view "$(floor_of "map + crc32c")" "$restore" \
    "${restore:+≤ TensorFlow / 6}" "${restore:+<= $restore / 6}"
  bundle_row "the same and all that verify looks at" verify "" "$restore"
  row "the same: peak RSS" "$(mib_of verify peak) MiB" "" ""
  bundle_row "read 1 GiB, checked, library allocates; floor: read + crc32c, huge pages" read "$huge" "$restore"
  row "the same: peak RSS" "$(mib_of read peak) MiB" "" "" "" "" "${restore:+$(tf_of restorev2 "raw RestoreV2" "rss +") MiB more}"
  bundle_row "read 1 GiB, checked, into fresh 4 KiB pages of the caller; floor: the same" read_into \
    "$(floor_of "read into fresh pages + crc32c")" "$restore"
  row "the same: peak RSS" "$(mib_of read_into peak) MiB" "" ""
  floor=
  [ ! -s "$work/limits" ] ||
    floor=$(calculate "1073.741824 / $(limit_of "write 1 GiB, 1 MiB calls, new file, no fsync") \
+ 1073.741824 / $(limit_of "crc32c vpclmulqdq fold, 1 GiB from memory")" 4f)
  bundle_row "write 1 GiB, no_sync; floor: write() + crc32c" write "$floor" "$save"
  beyond=$(calculate "($(highest bundle_write peak) - $(lowest bundle_write base)) / 1024" 1f)
  row "the same: peak RSS beyond the tensors" "$beyond MiB" "≤ 16 MiB" "$beyond <= 16"
  row "the same, synced: wall" "$(calculate "$(lowest bundle_write_sync wall_min)" 0f) ms" "" ""
}

keys_rows() {
  one=$(wall_of one wall_min) nothing=$(wall_of nothing wall_min) tf=$(tf_of random "open + read one 4 KiB tensor" min)
  row "open 100 000 keys and read one, process: wall, min; floor: a process that does nothing" "$one ms" "≤ 1 ms more" \
    "$one <= $nothing + 1" "$nothing ms" "" "${tf:+$tf ms}"
  row "the same: CPU, mean" "$(cpu_of one) ms" "" "" "$(cpu_of nothing) ms"
  n=$(lowest bundle_find n) tf=$(tf_of random "2000 lookups, reader open" cpu)
  ours=$(calculate "1000 * $(lowest bundle_find cpu_min) / $n")
  row "one look-up of 100 000, in random order" "$ours µs" "≤ 2 µs" "$ours <= 2"
  row "the same and reading its 4 KiB, checked" "$(calculate "1000 * $(lowest bundle_get cpu_min) / $n") µs" "" "" "" "" \
    "${tf:+$(calculate "$tf / 2" 1f) µs}"
  ours=$(calculate "$(lowest bundle_list cpu_min)" 1f) tf=$(tf_of random list_variables cpu)
  row "list 100 000 keys, opening and closing" "$ours ms" "≤ 20 ms" "$ours <= 20" "" "" "${tf:+$tf ms}"
  ours=$(cpu_of tensors)
  row "\`savedmodel tensors\` of them" "$ours ms" "≤ 100 ms" "$ours <= 100"
  base=$(lowest bundle_cycle base) end=$(highest bundle_cycle end)
  row "open, view one and close, 10 000 times: resident memory before / after" "$base / $end KiB" "does not grow" \
    "$end <= $base + 128" # pages of the program itself come 64 KiB at a time
}

retag_rows() {
  cpu=$(lowest retag cpu_min)
  row "give other tags to a model of 4 GiB and 1.8 MB: CPU, min" "$(calculate "$cpu" 1f) ms" "≤ 50 ms" "$cpu <= 50"
  row "the same: wall, min, not synced / synced" "$(calculate "$(lowest retag wall_min)" 1f) / \
$(calculate "$(lowest retag synced_min)" 1f) ms" "" ""
  row "the same: peak heap" "$(calculate "$(highest retag heap) / 1048576" 1f) MiB" "" ""
  [ ! -f "$work/edit.cpu" ] || row "\`savedmodel edit --set-tags\`, synced: CPU" "$(cpu_of edit) ms" "≤ 50 ms" "$(cpu_of edit) <= 50"
}

objects_rows() {
  n=$(lowest objects_views n) ours=$(lowest objects_views cpu_min)
  row "BERT-base: path and view of all $n variables, the index verified: CPU" "$(calculate "$ours") ms" "≤ 20 ms" \
    "$ours <= 20"
  ours=$(lowest objects_verified cpu_min) goal='' met='' floor=''
  if [ -s "$work/objects_floor" ]; then
    floor=$(sed -n 's/^map + crc32c .*cpu *\([0-9.]*\) ms.*/\1/p' "$work/objects_floor" | sort -n | head -n 1)
    goal="≤ 1.2 × floor" met="$ours <= 1.2 * $floor"
  fi
  row "the same, all of it verified; floor: map + crc32c" "$(calculate "$ours" 1f) ms" "$goal" "$met" "${floor:+$floor ms}" \
    "${floor:+$(calculate "$ours / $floor")}"
  ours=$(lowest objects_graph cpu_min)
  row "object graph of 100 000 nodes, what each records, path, children: CPU" "$(calculate "$ours" 1f) ms" "≤ 100 ms" \
    "$ours <= 100"
  row "the same: path and view of its $(lowest objects_keys n) variables" "$(calculate "$(lowest objects_keys cpu_min)" 1f) ms" \
    "" ""
  row "the same: one object, by its path" "$(calculate "$(lowest objects_one cpu_min)" 1f) ms" "" ""
  row "the same: peak heap of the three" "$(for job in graph keys one; do
    calculate "$(highest "objects_$job" heap) / 1048576" 1f
    echo
  done | paste -s -d / - | sed 's,/, / ,g') MiB" "" ""
  row "rename keys of a checkpoint of 4 GiB, synced, process: CPU" "$(cpu_of rename) ms" "≤ 100 ms" "$(cpu_of rename) <= 100"
}

tf_save() { [ ! -s "$work/tf_save_$1" ] || echo "$(calculate "$(lowest "tf_save_$1" cpu_min)" 0f) ms"; } # JOB

save_row() { # WHAT JOB GOAL MET
  row "$1" "$(calculate "$(lowest "save_$2" cpu_min)" 1f) ms" "$3" "$4" "$(calculate "$(lowest "save_$2" floor_min)" 1f) ms" "" \
    "$(tf_save "$2")"
}

save_rows() {
  save_row "save 2 000 variables of 1 KiB and a function, in memory: CPU; floor: write() of its files" objects "≤ 50 ms" \
    "$(lowest save_objects cpu_min) <= 50"
  save_row "the same with a function that reads all of them" reading "" ""
  row "the first on a disk: CPU; wall, not synced / synced" "$(calculate "$(lowest save_disk cpu_min)" 1f) ms; \
$(calculate "$(lowest save_disk wall_min)" 1f) / $(calculate "$(lowest save_disk synced_min)" 1f) ms" "" ""
  row "the same: peak heap" "$(calculate "$(highest save_objects heap) / 1048576" 1f) MiB" "" ""
  [ -f "$work/save_freeze" ] || return 0
  beyond="$(lowest save_freeze cpu_min) - $(lowest save_freeze floor_min)"
  save_row "freeze mobilenet, $(calculate "$(lowest save_freeze bytes) / 1e6" 1f) MB, in memory: CPU; floor: write() of its files" \
    freeze "≤ 50 ms beyond" "$beyond <= 50"
  row "the same: peak heap" "$(calculate "$(highest save_freeze heap) / 1048576" 1f) MiB" "" ""
}

text_and_data() { # DIR...: of all objects there, in KiB
  # shellcheck disable=SC2046
  size $(find "$@" -name '*.o') | awk 'NR > 1 { n += $1 + $2 } END { printf "%.1f", n / 1024 }'
}

table_rows() {
  ours=$(lowest table open_one)
  row "open a table of 100 000 keys ($(calculate "$(wc -c <"$work/keys100k.index") / 1e6" 1f) MB), find one: min" "$ours ms" \
    "≤ 1 ms" "$ours <= 1"
  ours=$(lowest table find)
  row "the same, open: find any key, find none: mean" "$ours / $(lowest table miss) ns" "≤ 2000 ns" "$ours <= 2000"
  ours=$(lowest table list)
  row "the same: list all, the first time, once more: min" "$ours / $(lowest table list_again) ms" "≤ 20 ms" "$ours <= 20"
}

size_rows() {
  objects=$build/CMakeFiles
  core=$(text_and_data "$objects/savedmodel_core.dir") cli=$(text_and_data "$objects/savedmodel_cli.dir" "$objects/savedmodel.dir")
  row "our objects, text + data (library $core, tool $cli)" "$(calculate "$core + $cli" 1f) KiB" "≤ 300 KiB" "$core + $cli <= 300"
  row "generated objects, text + data" "$(text_and_data "$objects/savedmodel_pb.dir") KiB" "" ""
  [ -x "$static_tool" ] || return 0
  bytes=$(wc -c <"$static_tool")
  row "\`savedmodel-static\`" "$(calculate "$bytes / 1048576") MiB" "≤ 2 MiB" "$bytes <= 2097152"
}

echo "| what | ours | goal | met | floor | ours / floor | TensorFlow |"
echo "|---|---|---|---|---|---|---|"
if [ -f "$mobilenet/saved_model.pb" ]; then
  show_rows show savedmodel
  [ ! -x "$static_tool" ] || show_rows show_static savedmodel-static
  open_mobilenet_rows
fi
open_graph_rows
show_graph_rows
[ ! -f "$work/text_mobilenet" ] || text_rows mobilenet mobilenet 100
text_rows floats "half a million floats" ""
crc32c_rows
table_rows
[ ! -f "$gigabyte.index" ] || gigabyte_rows
[ ! -f "$keys.index" ] || keys_rows
retag_rows
objects_rows
save_rows
size_rows

if [ -s "$missing" ]; then
  echo
  sed 's/^/not measured: /' "$missing"
fi
if [ -s "$failed" ]; then
  echo
  sed 's/^/goal missed: /' "$failed"
  exit 1
fi

# Sourced by scripts/test, .ci/run and .ci/extended: named stages, each with its log and its time.
#   stage NAME COMMAND...   runs it, goes on after a failure, remembers both
#   must NAME COMMAND...    the same, but nothing after it makes sense when it fails
#   within MINUTES NAME COMMAND...  the same, but left out, and said so, once so many minutes are gone, or where its program is not built seven
#                           minutes later: a cold compiler cache must not keep a change from being tested at all
#   finish                  prints the table and the runners' own summaries; fails if a stage failed
# shellcheck shell=bash
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root" || exit 1
logs=$root/build/logs
mkdir -p "$logs"
stage_names=() stage_seconds=() stage_results=()
too_late=124  # what a build ends with that was given up: as `timeout` does
# A clone elsewhere finds what this one compiled.
export CCACHE_BASEDIR=$root CCACHE_NOHASHDIR=true
export CTEST_COLOR_OUTPUT=0 PYTHONDONTWRITEBYTECODE=1

stage() {
  local name=$1 started=$SECONDS status
  shift
  printf '\n=== %s\n' "$name"
  "$@" 2>&1 | tee "$logs/$name.log"
  status=${PIPESTATUS[0]}
  stage_names+=("$name") stage_seconds+=($((SECONDS - started)))
  case $status in
    0) stage_results+=(ok) ;;
    "$too_late") stage_results+=("left out, its build takes too long with a cold compiler cache: .ci/extended $name") ;;
    *) stage_results+=("FAILED ($status)") ;;
  esac
  return "$status"
}

within() {
  local minutes=$1
  shift
  if ((SECONDS < minutes * 60)); then build_until=$((minutes * 60 + 420)) stage "$@"; return; fi
  stage_names+=("$1") stage_seconds+=(0) stage_results+=("left out, $((SECONDS / 60)) minutes are gone: .ci/extended $1")
}

must() { stage "$@" || { finish; exit 1; }; }

finish() {
  local i failed=0
  printf '\n=== stages\n'
  for i in "${!stage_names[@]}"; do
    printf '%-12s %6d s  %s\n' "${stage_names[i]}" "${stage_seconds[i]}" "${stage_results[i]}"
    [[ ${stage_results[i]} == ok || ${stage_results[i]} == left\ out* ]] || failed=1
  done
  printf '%-12s %6d s\n\n=== summaries\n' total "$SECONDS"
  for i in "${stage_names[@]}"; do
    grep -hE '^FAILED |^ERROR |\(Failed\)|: Failure$|SUMMARY: |fuzz finding' "$logs/$i.log" 2>/dev/null | head -20
    grep -hE '^[0-9]+% tests passed, |^(=+ )?([0-9]+ [a-z]+,? )+in [0-9.]+s|^no tests ran|^fuzz: ' "$logs/$i.log" 2>/dev/null | sed "s/^/$i: /"
  done
  return "$failed"
}

configure() { [[ -f build/$1/build.ninja ]] || cmake --preset "$1"; }

# build PRESET [TARGET...]
build() {
  local preset=$1
  shift
  configure "$preset" || return
  local limit=()
  [[ -z ${build_until:-} ]] || limit=(timeout $((build_until > SECONDS ? build_until - SECONDS : 1)))
  "${limit[@]}" cmake --build --preset "$preset" ${1:+--target "$@"}
}

# The test programs behind the ctest labels of a preset, so that a sanitizer builds no more than it runs.
# A program that is not built yet has no command; its test bears the target's name (cmake/VecferryTargets.cmake).
labelled_targets() {
  ctest --preset "$1" -L "$2" --show-only=json-v1 | .venv/bin/python -c '
import json, os, sys
text = sys.stdin.read()
tests = json.loads(text[text.index("{"):])["tests"]
names = {os.path.basename((t.get("command") or [t["name"]])[0]).removesuffix("_NOT_BUILT") for t in tests}
print(*sorted(names))'
}

# sanitized PRESET LABELS
sanitized() {
  local targets
  configure "$1" || return
  targets=$(labelled_targets "$1" "$2") || return
  [[ -n $targets ]] || { echo "no test has one of the labels $2" >&2; return 1; }
  # shellcheck disable=SC2086
  build "$1" $targets || return
  ctest --preset "$1" -L "$2" --no-tests=error
}

asan_tests() { LSAN_OPTIONS=suppressions=$root/tests/lsan.supp:print_suppressions=0 sanitized asan 'unit|conformance|parsers'; }
tsan_tests() { TSAN_OPTIONS=ignore_noninstrumented_modules=1 sanitized tsan 'journal|pipeline'; }

# fuzz_each SECONDS [SEED]: every target, from its corpus; what it finds stays in build/logs. With a seed the inputs are the same each time.
fuzz_each() {
  local seconds=$1 seed=${2:-0} target name ran=0 failed=0 found=""
  [[ -f fuzz/CMakeLists.txt ]] || { echo "no fuzz targets yet"; return 0; }
  build fuzz || return
  for target in build/fuzz/bin/fuzz_*; do
    [[ -x $target ]] || continue
    name=${target##*/fuzz_}
    mkdir -p "build/fuzz/corpus/$name"
    local seeds=()
    [[ -d fuzz/corpus/$name ]] && seeds=("fuzz/corpus/$name")
    echo "--- $name, $seconds s"
    if "$target" -max_total_time="$seconds" -seed="$seed" -timeout=10 -rss_limit_mb=2048 -print_final_stats=1 -verbosity=0 \
        -artifact_prefix="build/logs/fuzz-$name-" "build/fuzz/corpus/$name" "${seeds[@]}" 2>&1 | tail -40; [[ ${PIPESTATUS[0]} == 0 ]]; then
      ran=$((ran + 1))
    else
      failed=$((failed + 1)) found+=" $name"
    fi
  done
  # Each finding (8 kB of it), here at the end, so that it can be told from the log alone.
  for name in $found; do
    for target in build/logs/fuzz-"$name"-*; do
      [[ -f $target ]] && echo "fuzz finding: $target: $(head -c 8000 "$target" | base64 -w0)"
    done
  done
  echo "fuzz: $ran targets ran $seconds s each without a finding, $failed with one${found:+:$found}"
  [[ $failed == 0 && $ran -gt 0 ]]
}

# Most of their time is waiting: for servers, for kills, for other processes. A file stays with one worker, as its servers do.
python_tests() { .venv/bin/python -m pytest tests -q -ra -p no:cacheprovider --timeout=600 -n 4 --dist loadfile "$@"; }

# What every tier begins with: the optimised build, with assertions, and all tests.
ordinary_tests() {
  must setup scripts/setup
  must build build release
  stage ctest ctest --preset release --no-tests=error
  stage pytest python_tests
  return 0
}

# What the scripts at the root share; sourced by them with $root set. Needs bash and the usual small tools only.

export DOTNET_NOLOGO=1 DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_SKIP_FIRST_TIME_EXPERIENCE=1
export HOME="${HOME:-/tmp}"
stamp="$root/artifacts/built.stamp" # older than the program, newer than the sources that it was built from
program="$root/artifacts/program/kvorum"

sources=(src proto build Directory.Build.props Directory.Packages.props global.json .editorconfig)

# From here on the program is the simulator.
use_simulator() {
  stamp="$root/artifacts/simulator.stamp"
  program="$root/artifacts/bin/Kvorum.Simulator/release/Kvorum.Simulator"
  sources+=(tests/Kvorum.Simulator)
}

# An SDK from dotnet-install lives in ~/.dotnet and is often not in the PATH.
command -v dotnet >/dev/null 2>&1 || { [ -x "$HOME/.dotnet/dotnet" ] && PATH="$HOME/.dotnet:$PATH"; }
if [ -z "${DOTNET_ROOT:-}" ] && dotnet_path=$(command -v dotnet); then
  dotnet_path=$(readlink -f "$dotnet_path" 2>/dev/null || echo "$dotnet_path")
  # A wrapper script (snap, nix) is not where the runtime lives; then the program finds it by itself.
  [ -d "${dotnet_path%/*}/shared" ] && export DOTNET_ROOT="${dotnet_path%/*}"
fi

need_sdk() {
  if ! command -v dotnet >/dev/null 2>&1; then
    echo "${0##*/}: no dotnet found. Kvorum is built with the .NET 10 SDK: https://dotnet.microsoft.com/download/dotnet/10.0" >&2
    exit 127
  fi
  if ! (cd / && dotnet --list-sdks) 2>/dev/null | grep -q '^10\.'; then
    echo "${0##*/}: $(command -v dotnet) has no .NET 10 SDK (it has: $( (cd / && dotnet --list-sdks) 2>/dev/null | cut -d' ' -f1 | paste -sd' ' - ))." >&2
    echo "Get it from https://dotnet.microsoft.com/download/dotnet/10.0" >&2
    exit 127
  fi
}

# True if the program is there and no source is newer. A deleted file shows in the time of its folder.
is_built() {
  [ -x "$program" ] && [ -e "$stamp" ] && [ -z "$(cd "$root" && find "${sources[@]}" -newer "$stamp" -print -quit)" ]
}

# build PROJECT: builds in Release; shows what the compiler says only if it fails. Several callers take turns.
build() {
  need_sdk
  take_turn
  local said status=0
  said=$(mktemp "$root/artifacts/building.XXXXXX")
  run_dotnet "$said" build "$1" || status=$?
  [ $status -eq 0 ] || cat "$said" >&2
  rm -f "$said"
  exec 9>&-
  return $status
}

# Builds the program, precompiled for this machine: its first seconds are then not spent in the compiler of the runtime. Where the
# package that compiles ahead is not to be had, the program is built without: the same, slower at first.
build_program() {
  need_sdk
  take_turn
  # Somebody else may have built it while we waited.
  if is_built; then exec 9>&-; return 0; fi
  local said rid status=1
  said=$(mktemp "$root/artifacts/building.XXXXXX")
  show_progress &
  local progress=$!
  rid=$(runtime_id)
  if [ -n "$rid" ]; then
    run_dotnet "$said.log" publish src/Kvorum.Cli -o "$root/artifacts/program" -r "$rid" --self-contained false \
      -p:PublishReadyToRun=true && status=0
  fi
  if [ $status -ne 0 ]; then
    status=0
    run_dotnet "$said.log" publish src/Kvorum.Cli -o "$root/artifacts/program" || status=$?
    [ $status -ne 0 ] || echo "kvorum: not precompiled for ${rid:-this machine}: the first seconds are slower, nothing else" >&2
  fi
  kill "$progress" 2>/dev/null
  wait "$progress" 2>/dev/null
  [ ! -t 2 ] || printf '\r\033[K' >&2
  if [ $status -eq 0 ]; then
    mv "$said" "$stamp" # made before the build: what was edited meanwhile is newer
  else
    cat "$said.log" >&2
    rm -f "$said"
  fi
  rm -f "$said.log"
  exec 9>&-
  return $status
}

# Shows that the build goes on: on a terminal the seconds, elsewhere a line now and then. Ends with the script that started it.
show_progress() {
  exec 9>&- # the lock is the builder's
  local every=15 start=$SECONDS
  [ -t 2 ] && every=1
  # Killed with its parent still asleep, it must hold nothing that a reader waits for.
  while sleep "$every" >/dev/null 2>&1 && kill -0 $$ 2>/dev/null; do
    if [ -t 2 ]; then
      printf '\r%s: building ... %d s ' "${0##*/}" $((SECONDS - start)) >&2
    else
      echo "${0##*/}: still building, $((SECONDS - start)) s ..." >&2
    fi
  done
}

# Builds the simulator.
build_simulator() {
  take_turn
  if is_built; then exec 9>&-; return 0; fi
  touch "$stamp.new"
  build tests/Kvorum.Simulator && mv "$stamp.new" "$stamp"
}

take_turn() {
  mkdir -p "$root/artifacts"
  command -v flock >/dev/null 2>&1 || return 0
  exec 9>"$root/artifacts/build.lock"
  flock 9
}

# run_dotnet LOG COMMAND...: no server stays behind, and a machine without ICU will do.
run_dotnet() {
  local log=$1
  shift
  (cd "$root" && DOTNET_SYSTEM_GLOBALIZATION_INVARIANT=1 dotnet "$@" -c Release -v quiet --nologo \
    -nodeReuse:false -p:UseSharedCompilation=false >"$log" 2>&1 9>&-)
}

# What .NET calls this machine; nothing if we do not know.
runtime_id() {
  local system cpu
  case $(uname -s) in
    Linux) if ls /lib/ld-musl-* >/dev/null 2>&1; then system=linux-musl; else system=linux; fi ;;
    Darwin) system=osx ;;
    *) return 0 ;;
  esac
  case $(uname -m) in
    x86_64 | amd64) cpu=x64 ;;
    aarch64 | arm64) cpu=arm64 ;;
    *) return 0 ;;
  esac
  echo "$system-$cpu"
}

# What the scripts at the root share; sourced by them with $root set. Needs bash and the usual small tools only.

export DOTNET_NOLOGO=1 DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_SKIP_FIRST_TIME_EXPERIENCE=1
export HOME="${HOME:-/tmp}"
stamp="$root/artifacts/built.stamp" # older than the program, newer than the sources that it was built from
program="$root/artifacts/bin/Kvorum.Cli/release/kvorum"

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
  mkdir -p "$root/artifacts"
  if command -v flock >/dev/null 2>&1; then
    exec 9>"$root/artifacts/build.lock"
    flock 9
    # Somebody else may have built the program while we waited.
    if [ "$1" != Kvorum.slnx ] && is_built; then exec 9>&-; return 0; fi
  fi
  local said status=0
  said=$(mktemp "$root/artifacts/building.XXXXXX")
  # No server stays behind, and a machine without ICU will do.
  (cd "$root" && DOTNET_SYSTEM_GLOBALIZATION_INVARIANT=1 dotnet build "$1" -c Release -v quiet --nologo \
    -nodeReuse:false -p:UseSharedCompilation=false >"$said.log" 2>&1 9>&-) || status=$?
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

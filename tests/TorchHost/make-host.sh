#!/usr/bin/env bash
# Makes FOLDER/dotnet: a dotnet host that runs on the libc and libstdc++ of the distribution's next release, unpacked
# beside it. Nothing outside FOLDER changes, no rights are needed, and several may be made at the same time.
#   usage: make-host.sh DOTNET_ROOT FOLDER
set -euo pipefail
dotnet_root=${1:?usage: $0 DOTNET_ROOT FOLDER}
folder=${2:?usage: $0 DOTNET_ROOT FOLDER}

fail() {
  echo "The system's libstdc++ is too old for libtorch (it lacks GLIBCXX_3.4.32), and no newer one could be fetched: $1" >&2
  echo "Remedy: run this on Ubuntu 24.04, Debian 13, Fedora 38 or newer, or in a container of one of them;" >&2
  echo "or, if the network or the mirror was at fault, mend that and start again." >&2
  exit 1
}

[ "$(uname -m)" = x86_64 ] || fail "this is a $(uname -m) machine, and only x86_64 is provided for."
for tool in apt-get dpkg; do command -v $tool >/dev/null || fail "there is no $tool."; done

case $(. /etc/os-release && echo "${ID:-} ${ID_LIKE:-}") in
  *ubuntu*) release=noble components="main universe" keyring=/usr/share/keyrings/ubuntu-archive-keyring.gpg ;;
  debian*) release=trixie components=main keyring=/usr/share/keyrings/debian-archive-keyring.gpg ;;
  *) fail "this is neither Debian nor Ubuntu." ;;
esac

# The mirror that the system itself uses: the first of its own entries, in the new form of the files or in the old one.
mirror=$(cat /etc/apt/sources.list /etc/apt/sources.list.d/*.list /etc/apt/sources.list.d/*.sources 2>/dev/null |
  sed -nE 's/^URIs:[[:space:]]*([^[:space:]]+).*/\1/p; s/^deb[[:space:]]+(\[[^]]*\][[:space:]]+)?([^[:space:]]+).*/\2/p' |
  grep -E '/(debian|ubuntu)/?$' | head -1) || true
[ -n "$mirror" ] || fail "apt's sources name no mirror of the distribution."

# Made aside and put in place by one rename, so that a program that starts meanwhile sees all of it or nothing.
mkdir -p "$(dirname "$folder")"
folder=$(cd "$(dirname "$folder")" && pwd)/$(basename "$folder")
making=$(mktemp -d "$folder.XXXXXX")
trap 'rm -rf "$making"' EXIT

mkdir -p "$making"/{root,apt/lists/partial,apt/cache/archives/partial}
echo "deb [signed-by=$keyring] $mirror $release $components" >"$making/apt/sources.list"
apt=(apt-get -qq -o "Dir::Etc::sourcelist=$making/apt/sources.list" -o Dir::Etc::sourceparts=-
  -o "Dir::State::Lists=$making/apt/lists" -o "Dir::Cache=$making/apt/cache" -o "APT::Sandbox::User=$(id -un)"
  -o APT::Update::Error-Mode=any)
"${apt[@]}" update || fail "apt-get could not read the lists of $release from $mirror."
(cd "$making/apt" && "${apt[@]}" download libc6 libstdc++6 libgcc-s1 patchelf && for package in *.deb; do
  dpkg -x "$package" "$making/root"
done) || fail "apt-get could not download the packages of $release from $mirror."
rm -r "$making/apt"

for part in "$dotnet_root"/*/; do ln -s "${part%/}" "$making/$(basename "$part")"; done
cp "$dotnet_root/dotnet" "$making/dotnet"
library=root/usr/lib/x86_64-linux-gnu
# patchelf comes from the newer release too, so it is run by that release's loader.
"$making/$library/ld-linux-x86-64.so.2" --library-path "$making/$library" "$making/root/usr/bin/patchelf" \
  --set-interpreter "$folder/$library/ld-linux-x86-64.so.2" --force-rpath --set-rpath "$folder/$library" "$making/dotnet" ||
  fail "patchelf could not rewrite a copy of $dotnet_root/dotnet."

# Another process may have been faster: its host is as good.
mv -T "$making" "$folder" 2>/dev/null || [ -x "$folder/dotnet" ] || fail "$folder could not be written."

#!/bin/sh
# Builds, packs and tests the packages of one Linux in a container whose C library is as old as promised.
set -eu
if command -v apk > /dev/null; then
  apk add --no-cache build-base cmake curl git linux-headers perl
else
  # Enough for npm; the build fetches the Node it needs.
  dnf -y module enable nodejs:20
  dnf -y install binutils cmake gcc git nodejs npm perl
fi
curl --proto '=https' --tlsv1.2 -sSf https://sh.rustup.rs | sh -s -- -y --profile minimal --default-toolchain none
. "$HOME/.cargo/env"
git config --global --add safe.directory "$PWD"
npm run build -- --release --pack artifacts
npm run test:artifact -- artifacts

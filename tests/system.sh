#!/bin/sh
# The system tools that the tests need and pip cannot bring: install them where we may, otherwise print the line to run.
set -u
missing=""
for pair in chromium:chromium node:nodejs bwrap:bubblewrap g++:g++; do
  command -v "${pair%%:*}" >/dev/null 2>&1 || missing="$missing ${pair#*:}"
done
[ -z "$missing" ] && { echo "==> System tools: chromium, nodejs, bubblewrap, g++ are there"; exit 0; }
as_root=""
[ "$(id -u)" = 0 ] || as_root="sudo -n"
if command -v apt-get >/dev/null 2>&1 && $as_root true 2>/dev/null; then
  echo "==> Installing$missing"
  $as_root apt-get update -qq && $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq $missing >/dev/null
else
  echo "Missing:$missing. Install them, on Debian and Ubuntu with: sudo apt-get install -y$missing" >&2
  exit 1
fi

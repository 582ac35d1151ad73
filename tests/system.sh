#!/bin/sh
# The system tools that the tests need and pip cannot bring: install them where we may, otherwise print the line to run.
set -u
missing=""
for pair in chromium:chromium node:nodejs bwrap:bubblewrap g++:g++; do
  command -v "${pair%%:*}" >/dev/null 2>&1 || missing="$missing ${pair#*:}"
done
[ -z "$missing" ] && { echo "==> System tools: chromium, nodejs, bubblewrap, g++ are there"; exit 0; }
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
  echo "==> Installing$missing"
  apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq $missing >/dev/null
else
  echo "Missing:$missing. Install them, on Debian and Ubuntu with: sudo apt-get install -y$missing" >&2
  exit 1
fi

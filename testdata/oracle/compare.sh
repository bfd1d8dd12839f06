#!/bin/sh
# compare.sh VERSION DIR: does clb make of DIR/prometheus.yml what the real
# Prometheus of generation VERSION does? Prints the differences ("-" is
# Prometheus, "+" is clb) and exits 1 if there are any.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

answer=$("$here/answer.sh" "$1" "$2")
compat=$(cat "$answer/compat")
"$here/clb.sh" "$compat" "$2" "$tmp"
jq -nr --arg version "$1" --slurpfile api "$answer/api.json" --slurpfile sd "$answer/sd.jsonl" \
	--slurpfile log "$answer/log" --slurpfile disc "$tmp/disc" \
	--slurpfile targets "$tmp/targets" --slurpfile dropped "$tmp/dropped" \
	-f "$here/compare.jq" >"$tmp/diff"
[ ! -s "$tmp/diff" ] || { cat "$tmp/diff"; exit 1; }

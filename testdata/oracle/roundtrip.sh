#!/bin/sh
# roundtrip.sh VERSION DIR: the targets of DIR/prometheus.yml, through clb-schedule
# and clb-writesd into a second Prometheus of generation VERSION: prints how they
# differ from the first one's ("-" is the first, "+" the second), and exits 1 if so.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

answer=$("$here/answer.sh" "$1" "$2")
compat=$(cat "$answer/compat")
"$here/clb.sh" "$compat" "$2" "$tmp"

second=$tmp/$(basename "$2")-second
mkdir "$second"
clb-schedule --replicas 3 <"$tmp/targets" >"$tmp/assignment"
clb-writesd -d "$second/sd" --compat "$compat" <"$tmp/assignment" 2>"$tmp/writesd.err" || {
	echo "clb-writesd exits $?, and says:"
	cat "$tmp/writesd.err"
	exit 1
}
(cd "$2" && clb-config --compat "$compat" show prometheus.yml) >"$tmp/show"
jq -f "$here/second.jq" "$tmp/show" >"$second/prometheus.yml"

answer2=$("$here/answer.sh" "$1" "$second")
jq -nr --arg version "$1" --slurpfile api "$answer/api.json" --slurpfile sd "$answer/sd.jsonl" \
	--slurpfile api2 "$answer2/api.json" --slurpfile sd2 "$answer2/sd.jsonl" \
	-f "$here/roundtrip.jq" >"$tmp/diff"
[ ! -s "$tmp/diff" ] || { cat "$tmp/diff"; exit 1; }

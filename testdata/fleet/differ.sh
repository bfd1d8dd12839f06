#!/bin/sh
# differ.sh KIND ANSWER FIVE: how the targets of the five collectors in the file
# FIVE (see run.sh) differ from those in ANSWER (see oracle/answer.sh). Exits 1 if
# they do, and prints how.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
diff=$(jq -nr --arg kind "$1" --slurpfile api "$2/api.json" --slurpfile sd "$2/sd.jsonl" \
	--slurpfile five "$3" -f "$here/union.jq")
[ -z "$diff" ] || { printf '%s\n' "$diff"; exit 1; }

#!/bin/sh
# all.sh OUT: run compare.sh on every case, eight at a time, since a Prometheus mostly
# sleeps. What each printed is in the file OUT/VERSION-NAME, if it failed, and an empty
# one if it did not.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
if [ $# -eq 1 ]; then
	"$here/cases.sh" | xargs -P 8 -n 2 "$here/all.sh" "$1"
	exit
fi
cd "$here/cases"
rc=0
../compare.sh "$2" "$3" >"$1/.$2-$3" 2>&1 || rc=$?
[ "$rc" -eq 0 ] || echo "compare.sh $2 $3 exits $rc" >>"$1/.$2-$3"
mv "$1/.$2-$3" "$1/$2-$3"

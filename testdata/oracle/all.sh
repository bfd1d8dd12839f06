#!/bin/sh
# all.sh compare|roundtrip OUT: run compare.sh or roundtrip.sh on every case, eight
# at a time, since a Prometheus mostly sleeps. What each printed is in the file
# OUT/VERSION-NAME, if it failed, and an empty one if it did not.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
if [ $# -eq 2 ]; then
	"$here/cases.sh" "$1" | xargs -P 8 -n 2 "$here/all.sh" "$1" "$2"
	exit
fi
cd "$here/cases"
rc=0
"../$1.sh" "$3" "$4" >"$2/.$3-$4" 2>&1 || rc=$?
[ "$rc" -eq 0 ] || echo "$1.sh $3 $4 exits $rc" >>"$2/.$3-$4"
mv "$2/.$3-$4" "$2/$3-$4"

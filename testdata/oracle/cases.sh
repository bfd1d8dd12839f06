#!/bin/sh
# cases.sh compare|roundtrip [VERSION]: the cases as "VERSION NAME" lines. A case
# is for 2 and 3 unless its file versions says otherwise; one that cannot make
# the round trip says why in no-roundtrip.
set -eu

cd "$(dirname "$0")/cases"
for version in ${2:-2 3}; do
	for name in *; do
		[ "$1" = compare ] || [ ! -e "$name/no-roundtrip" ] || continue
		[ ! -e "$name/versions" ] || grep -qx "$version" "$name/versions" || continue
		echo "$version $name"
	done
done

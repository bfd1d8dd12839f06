#!/bin/sh
# cases.sh [VERSION]: the cases as "VERSION NAME" lines. A case is for 2 and 3 unless
# its file versions says otherwise.
set -eu

cd "$(dirname "$0")/cases"
for version in ${1:-2 3}; do
	for name in *; do
		[ ! -e "$name/versions" ] || grep -qx "$version" "$name/versions" || continue
		echo "$version $name"
	done
done

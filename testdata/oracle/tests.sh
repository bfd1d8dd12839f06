#!/bin/sh
# tests.sh compare|roundtrip: the tests of oracle.bats or roundtrip.bats, a line
# for each case and version. They are kept in those files; to renew them:
#
#   f=testdata/oracle.bats
#   { sed '/^@test "[23] /d' $f && testdata/oracle/tests.sh compare; } >new && mv new $f
set -eu

"$(dirname "$0")/cases.sh" "$1" | while read -r version name; do
	echo "@test \"$version $name\" { $1 $version $name; }"
done

#!/bin/sh
# tests.sh: the tests of oracle.bats, a line for each case and version. They are kept
# in that file; to renew them:
#
#   f=testdata/oracle.bats
#   { sed '/^@test "[23] /d' $f && testdata/oracle/tests.sh; } >new && mv new $f
set -eu

"$(dirname "$0")/cases.sh" | while read -r version name; do
	echo "@test \"$version $name\" { compare $version $name; }"
done

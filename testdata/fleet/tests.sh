#!/bin/sh
# tests.sh: the tests of fleet.bats, a line for each case. They are kept in that
# file; to renew them:
#
#   f=testdata/fleet.bats
#   { sed '/^@test "\(2\|3\|vmagent\) /d' $f && testdata/fleet/tests.sh; } >new && mv new $f
set -eu

"$(dirname "$0")/cases.sh" | while read -r kind name; do
	echo "@test \"$kind $name\" { fleet $kind $name; }"
done

#!/bin/sh
# cases.sh: the oracle's cases as "KIND NAME" lines, KIND as in share.sh: all but those
# that say in no-fleet why they cannot be handed over, or in no-vmagent, to vmagent.
set -eu

oracle=$(dirname "$0")/../oracle
"$oracle/cases.sh" | while read -r kind name; do
	[ ! -e "$oracle/cases/$name/no-fleet" ] || continue
	echo "$kind $name"
done
"$oracle/cases.sh" 3 | while read -r _ name; do
	[ ! -e "$oracle/cases/$name/no-fleet" ] && [ ! -e "$oracle/cases/$name/no-vmagent" ] || continue
	echo "vmagent $name"
done

#!/bin/sh
# verdicts.sh VERSION: which of verdicts/*.yml does Prometheus VERSION take, and
# which does clb-config? Prints where they differ, and exits 1 if they do.
#
# Comments in a file say what to expect; without any, both take it:
#
#   # refused: TEXT            both versions refuse it, and TEXT is in their message
#   # refused by 2: TEXT       only this version does
#   # clb refuses: WHY         clb-config differs on purpose, as with "accepts"
#   # clb refuses for 2: WHY   it does so only here
#
# clb-config's refusal is one line with a place in the file, and status 78.
set -eu

version=$1
cd "$(dirname "$0")/verdicts"
promtool=${CLB_TESTS:-../../../build/tests}/prometheus-$version/usr/bin/promtool
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

differ() {
	printf '%s: %s:\n' "$f" "$1"
	sed 's/^/    /' "$tmp/out"
	differed=1
}

differed=
for f in *.yml; do
	expected=$(sed -n "s/^# refused\( by $version\)\{0,1\}: //p" "$f")
	rc=0
	"$promtool" check config --syntax-only "$f" >"$tmp/out" 2>&1 || rc=$?
	if [ -z "$expected" ]; then
		[ "$rc" -eq 0 ] || differ "Prometheus $version refuses it"
	elif [ "$rc" -eq 0 ]; then
		differ "Prometheus $version does not say '$expected'"
	else
		grep -qF -e "$expected" "$tmp/out" || differ "Prometheus $version says not '$expected'"
	fi

	! grep -qE "^# clb refuses( for $version)?: " "$f" || expected=refused
	! grep -qE "^# clb accepts( for $version)?: " "$f" || expected=
	rc=0
	clb-config --compat "$version" check "$f" >"$tmp/out" 2>&1 || rc=$?
	if [ -z "$expected" ]; then
		[ "$rc-$(cat "$tmp/out")" = 0- ] || differ "clb-config, status $rc"
	elif [ "$rc" -ne 78 ] || [ "$(grep -c '' "$tmp/out")" -ne 1 ] ||
		! grep -qE "^clb-config: $f:[0-9]+:[0-9]+: ." "$tmp/out"; then
		differ "clb-config, status $rc"
	fi
done
[ -z "$differed" ]

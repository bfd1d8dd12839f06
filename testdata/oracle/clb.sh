#!/bin/sh
# clb.sh COMPAT DIR OUT: what clb makes of DIR/prometheus.yml, with the case's
# sources answering: OUT/disc, OUT/targets and OUT/dropped. Says why and exits 1
# when a program fails or warns. DIR/partial allows for sources that fail: it
# has a pattern (grep -E) for every warning that is expected.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
compat=$1
out=$3
cd "$2"

# run NAME CMD...: CMD's stdout is OUT/NAME.
run() {
	name=$1
	shift
	rc=0
	"$@" >"$out/$name" 2>"$out/$name.err" || rc=$?
	[ ! -e partial ] || [ "$name" != disc ] || expected
	[ "$name" != targets ] || told
	[ "$rc" -ne 0 ] || [ -s "$out/$name.err" ] || return 0
	echo "$* exits $rc, and says:"
	cat "$out/$name.err"
	exit 1
}

# expected: take the expected warnings out; one that does not come is put in.
expected() {
	while IFS= read -r pattern; do
		grep -qE -e "$pattern" "$out/disc.err" || echo "(no warning like $pattern)" >>"$out/disc.err"
		grep -vE -e "$pattern" "$out/disc.err" >"$out/rest" || :
		mv "$out/rest" "$out/disc.err"
	done <partial
}

# told: take the warnings out that a job is over its limit or a target an error,
# if there is one among what was dropped.
told() {
	grep -qE '"reason":"(error|target_limit)"' "$out/dropped" || return 0
	grep -v '^clb-relabel: warning: job ' "$out/$name.err" >"$out/rest" || :
	mv "$out/rest" "$out/$name.err"
}

# shellcheck disable=SC2046 # an option or none
run disc "$here/site.sh" . clb-discover -c prometheus.yml --compat "$compat" \
	$([ ! -e partial ] || echo --partial)
run targets clb-relabel -c prometheus.yml --compat "$compat" --dropped "$out/dropped" \
	--scrape-url <"$out/disc"

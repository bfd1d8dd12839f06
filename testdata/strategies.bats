# How the strategies compare, as make bench-schedule tells at length.
load helpers

@test "every strategy balances and moves as what it is taken from is known to" {
	"$B/bench/schedule" 10000 3 >"$BATS_TEST_TMPDIR/out"
	[ "$(grep -c '  known of' "$BATS_TEST_TMPDIR/out")" -eq 4 ]
}

@test "the day of churn is drawn, and holds what it promises" {
	cd "$BATS_TEST_TMPDIR"
	"$B/bench/day" day.svg 1000 >out
	grep -q '^A day of .* changed [0-9]* times' out
	[ "$(grep -c 'class="title"' day.svg)" -eq 4 ]
	[ "$(tail -n 1 day.svg)" = '</svg>' ]
	check 64 '' 'usage: day SVG [TARGETS]' "$B/bench/day"
}

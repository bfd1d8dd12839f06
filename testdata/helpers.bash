# For every .bats file: `load helpers`, then PROG=the program it is about.
# Cases lie in testdata/$PROG/CASE/. A file that a case lacks stands for nothing:
# no input, no output, silence.
#
#   input.jsonl, input.json, input   stdin, whichever is there
#   expected.jsonl, .json, .out      stdout
#   expected.err                     stderr

# first_of FILE...: the first that exists, or /dev/null.
first_of() {
	local f

	for f; do
		[ ! -e "$f" ] || { printf '%s\n' "$f"; return 0; }
	done
	printf '/dev/null\n'
}

# check_case STATUS CASE ARG...: run $PROG ARG... in the case's directory; its
# stdout, stderr and exit status must all be the expected ones. They stay in
# $BATS_TEST_TMPDIR/out and /err.
check_case() {
	local want=$1 dir=$BATS_TEST_DIRNAME/$PROG/$2 got=0 in

	shift 2
	[ -d "$dir" ] || { echo "no case $dir"; return 1; }
	in=$(first_of "$dir/input.jsonl" "$dir/input.json" "$dir/input")
	(cd "$dir" && "$PROG" "$@") <"$in" >"$BATS_TEST_TMPDIR/out" 2>"$BATS_TEST_TMPDIR/err" || got=$?
	diff -u "$(first_of "$dir/expected.err")" "$BATS_TEST_TMPDIR/err" || return 1
	diff -u "$(first_of "$dir/expected.jsonl" "$dir/expected.json" "$dir/expected.out")" \
	    "$BATS_TEST_TMPDIR/out" || return 1
	[ "$got" -eq "$want" ] || { echo "exit status $got, expected $want"; return 1; }
}

# check STATUS OUT ERR CMD ARG...: the same for a command with texts at hand;
# each ends in a newline unless it is empty. stdin is the caller's.
check() {
	local want=$1 out=$2 err=$3 got=0

	shift 3
	"$@" >"$BATS_TEST_TMPDIR/out" 2>"$BATS_TEST_TMPDIR/err" || got=$?
	diff -u <(printf '%s' "$err${err:+$'\n'}") "$BATS_TEST_TMPDIR/err" || return 1
	diff -u <(printf '%s' "$out${out:+$'\n'}") "$BATS_TEST_TMPDIR/out" || return 1
	[ "$got" -eq "$want" ] || { echo "exit status $got, expected $want"; return 1; }
}

# check_output_fails CMD ARG...: a full stdout and a closed one are errors that
# CMD tells of, with status 74. Input is $1, a file, so that both have it.
check_output_fails() {
	local in=$1

	shift
	"$@" <"$in" >/dev/full 2>"$BATS_TEST_TMPDIR/err" && return 1
	[ $? -eq 74 ] || return 1
	diff -u <(echo "$1: <stdout>: No space left on device") "$BATS_TEST_TMPDIR/err" || return 1
	"$@" <"$in" >&- 2>"$BATS_TEST_TMPDIR/err" && return 1
	[ $? -eq 74 ] || return 1
	diff -u <(echo "$1: <stdout>: Bad file descriptor") "$BATS_TEST_TMPDIR/err"
}

# check_usage: $PROG prints its usage on stdout when asked, with 0, and on
# stderr when called wrongly, with 64.
check_usage() {
	local help

	help=$("$PROG" --help)
	[[ $help == "usage: $PROG "* ]] || { echo "--help: $help"; return 1; }
	check 0 "$help" '' "$PROG" -h </dev/null || return 1
	check 64 '' "$PROG: unrecognized option '--no-such-option'
$help" "$PROG" --no-such-option </dev/null
}

# within SECONDS CMD ARG...: CMD succeeds before they are over, three times if the
# machine is busy. What it said last is in $BATS_TEST_TMPDIR/said.
within() {
	local end=$((SECONDS + 3 * $1))

	shift
	until "$@" >"$BATS_TEST_TMPDIR/said" 2>&1; do
		[ "$SECONDS" -lt "$end" ] || {
			echo "not in time: $*"
			cat "$BATS_TEST_TMPDIR/said"
			return 1
		}
		sleep 0.2
	done
}

# not CMD ARG...: CMD fails. Of a mere "!" nobody takes notice.
not() {
	if "$@"; then
		echo "this should not succeed: $*"
		return 1
	fi
}

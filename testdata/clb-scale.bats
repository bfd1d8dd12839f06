load helpers

PROG=clb-scale

setup() {
	ten=$BATS_TEST_DIRNAME/$PROG/ten/input.jsonl
}

# scale DESIRED RULE ARG...: what ten targets ask for.
scale() {
	local want="$1 $2"

	shift 2
	[ "$(clb-scale "$@" <"$ten" | jq -r '"\(.desired) \(.rule)"')" = "$want" ]
}

@test "usage is printed when asked for, and when called wrongly" {
	check_usage
	check 64 '' "$(clb-scale --help)" clb-scale </dev/null
	check 64 '' "$(clb-scale --help)" clb-scale --targets-per-replica 3 more </dev/null
}

@test "values that make no sense are refused" {
	check 64 '' "clb-scale: --targets-per-replica: '0' is not a number from 1 to 1000000000" \
	    clb-scale --targets-per-replica 0 </dev/null
	check 64 '' "clb-scale: --min: '1.5' is not a number from 0 to 1000000" \
	    clb-scale --targets-per-replica 3 --min 1.5 </dev/null
	check 64 '' 'clb-scale: --min 3 is more than --max 2' \
	    clb-scale --targets-per-replica 3 --min 3 --max 2 </dev/null
}

@test "all that decided is in the answer" {
	check 0 '{"current":2,"desired":4,"max":9,"min":2,"rule":"targets","targets":10,"targets_per_replica":3}' '' \
	    clb-scale --targets-per-replica 3 --min 2 --max 9 --current 2 <"$ten"
}

@test "there are as many collectors as it takes, rounded up" {
	scale 10 targets --targets-per-replica 1
	scale 4 targets --targets-per-replica 3
	scale 2 targets --targets-per-replica 5
	scale 1 targets --targets-per-replica 10
	scale 1 targets --targets-per-replica 1000
}

@test "never fewer than --min, never more than --max" {
	scale 6 min --targets-per-replica 2 --min 6
	scale 5 targets --targets-per-replica 2 --min 5 --max 5
	scale 4 max --targets-per-replica 2 --max 4
}

@test "without targets there is one collector, or --min" {
	check 0 '{"current":null,"desired":1,"max":null,"min":1,"rule":"min","targets":0,"targets_per_replica":3}' '' \
	    clb-scale --targets-per-replica 3 </dev/null
	check 0 '{"current":null,"desired":0,"max":null,"min":0,"rule":"targets","targets":0,"targets_per_replica":3}' '' \
	    clb-scale --targets-per-replica 3 --min 0 </dev/null
}

@test "a target that stands twice counts once, those without an id count each" {
	check_case 0 twice --targets-per-replica 2
}

@test "input in bad shape is refused with line and column" {
	check_case 65 cut-short --targets-per-replica 2
}

@test "output that cannot be written is an error" {
	check_output_fails "$ten" clb-scale --targets-per-replica 3
}

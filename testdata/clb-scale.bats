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
	check 64 '' "clb-scale: --down-step: '0' is not a number from 1 to 1000000" \
	    clb-scale --targets-per-replica 3 --down-step 0 </dev/null
	check 64 '' "clb-scale: --up-percent: '10%' is not a number from 1 to 1000000" \
	    clb-scale --targets-per-replica 3 --up-percent 10% </dev/null
	check 64 '' "clb-scale: --up-select: 'least' is none of max, min and disabled" \
	    clb-scale --targets-per-replica 3 --up-select least </dev/null
	check 64 '' "clb-scale: --tolerance: '-1' is not a number from 0 to 1000" \
	    clb-scale --targets-per-replica 3 --tolerance -1 </dev/null
	check 64 '' 'clb-scale: --now is of no use without --state' \
	    clb-scale --targets-per-replica 3 --now 5 </dev/null
}

# answer: the one document, with the keys that are given, or null where there is no option.
answer() {
	jq -cSn --argjson given "$1" '{asked: {fit: null, targets: null, weight: null},
	    current: null, desired: null, max: null, max_targets: null, max_weight: null, min: 1,
	    next: {down: null, up: null}, replication: 1, rule: null, targets: null,
	    targets_per_replica: null, time: null, tolerance: 0.1, wanted: null, weight: null,
	    weight_per_replica: null} * $given'
}

@test "all that decided is in the answer" {
	check 0 "$(answer '{"asked":{"fit":3,"targets":4,"weight":1},"current":2,"desired":4,"max":9,
	    "max_targets":4,"max_weight":20,"min":2,"rule":"targets","targets":10,
	    "targets_per_replica":3,"wanted":4,"weight":10,"weight_per_replica":50}')" '' \
	    clb-scale --targets-per-replica 3 --weight-per-replica 50 --max-targets 4 \
	    --max-weight 20 --min 2 --max 9 --current 2 <"$ten"
	check 0 "$(answer '{"asked":{"fit":2,"targets":7},"current":7,"desired":7,"next":{"down":400,
	    "up":100},"replication":2,"rule":"targets","targets":10,"targets_per_replica":3,
	    "time":100,"tolerance":0.2,"wanted":7,"weight":10}')" '' \
	    clb-scale --targets-per-replica 3 --replication 2 --current 7 --tolerance 0.2 \
	    --state "$BATS_TEST_TMPDIR/state" --now 100 <"$ten"
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
	local state=$BATS_TEST_TMPDIR/state

	[ "$(clb-scale --targets-per-replica 3 </dev/null | jq -c '[.desired, .rule]')" = '[1,"min"]' ]
	[ "$(clb-scale --targets-per-replica 3 --min 0 </dev/null | jq -c '[.desired, .rule]')" = '[0,"targets"]' ]
	[ "$(clb-scale --targets-per-replica 3 --min 0 --state "$state" --now 1 </dev/null | jq .desired)" -eq 0 ]
	[ "$(clb-scale --targets-per-replica 3 --min 0 --state "$state" --now 2 <"$ten" | jq .desired)" -eq 4 ]
}

@test "the rule that asks for most decides: targets, weight or what fits" {
	heavy=$BATS_TEST_TMPDIR/heavy
	sed 's/}$/,"weight":6}/' "$ten" >"$heavy"
	ten=$heavy
	scale 4 targets --targets-per-replica 3 --weight-per-replica 20
	scale 6 weight --targets-per-replica 3 --weight-per-replica 10
	scale 10 fit --targets-per-replica 3 --weight-per-replica 10 --max-weight 11
	scale 5 fit --max-targets 2
	scale 1 min --max-weight 5
	scale 3 fit --max-targets 10 --replication 3
}

@test "within the tolerance there are as many as there are" {
	scale 3 tolerance --targets-per-replica 3 --current 3 --tolerance 0.12
	scale 4 targets --targets-per-replica 3 --current 3
	scale 5 tolerance --targets-per-replica 3 --current 5 --tolerance 0.34
	scale 5 tolerance --weight-per-replica 3 --current 5 --tolerance 0.34
	scale 5 fit --targets-per-replica 3 --max-targets 2 --current 4 --tolerance 0.2
}

# later DESIRED RULE SECONDS N ARG...: what the first N of the ten ask for then.
later() {
	local want="$1 $2" now=$3 n=$4

	shift 4
	head -n "$n" "$ten" | clb-scale --targets-per-replica 1 --state "$BATS_TEST_TMPDIR/state" \
	    --now "$now" "$@" >"$BATS_TEST_TMPDIR/answer"
	[ "$(jq -r '"\(.desired) \(.rule)"' "$BATS_TEST_TMPDIR/answer")" = "$want" ] ||
		{ cat "$BATS_TEST_TMPDIR/answer"; return 1; }
}

@test "the number shrinks to the most that was asked for in the last five minutes" {
	later 8 targets 0 8 --current 8
	later 8 down-window 100 4
	later 8 down-window 200 6
	later 8 down-window 299 2
	later 6 down-window 400 3
	later 3 targets 500 3
}

@test "the number grows to the least that was asked for in the up window" {
	later 2 up-window 0 6 --current 2 --up-window 60
	later 2 up-window 59 5 --up-window 60
	later 5 up-window 60 8 --up-window 60
	later 8 up-window 119 9 --up-window 60
	later 9 targets 120 9 --up-window 60
}

@test "a step and a percentage limit a change, as an HPA has them" {
	later 3 up-limit 0 10 --current 1 --up-step 2
	later 3 up-limit 59 10 --up-step 2
	later 5 up-limit 60 10 --up-step 2
	later 8 up-limit 120 10 --up-percent 50
	later 8 up-limit 179 10 --up-percent 50 --up-step 3
	later 9 up-limit 180 10 --up-percent 60 --up-step 1 --up-select min
	later 9 up-limit 240 10 --up-select disabled
	later 8 down-limit 600 1 --down-percent 10
	later 4 down-limit 700 1 --down-percent 10 --down-step 4
	later 4 down-limit 800 1 --down-select disabled
	later 3 down-limit 800 1 --down-step 4 --down-percent 10 --down-select min
}

@test "the answer says when the next change is allowed" {
	later 3 up-limit 0 10 --current 1 --up-step 2
	[ "$(jq -c .next "$BATS_TEST_TMPDIR/answer")" = '{"down":300,"up":60}' ]
	later 3 up-limit 59 10 --up-step 2
	[ "$(jq -c .next "$BATS_TEST_TMPDIR/answer")" = '{"down":359,"up":60}' ]
	later 3 max 59 10 --max 3 --down-select disabled
	[ "$(jq -c .next "$BATS_TEST_TMPDIR/answer")" = '{"down":null,"up":null}' ]
}

@test "out of bounds there is no waiting" {
	later 8 targets 0 8 --current 8
	later 5 max 1 8 --max 5
	later 7 min 2 1 --min 7 --up-step 1
}

@test "a change that nobody made is forgotten, and one that others made is no change" {
	later 4 up-limit 0 10 --current 2 --up-step 2
	later 4 up-limit 10 10 --current 2 --up-step 2
	later 9 up-limit 20 10 --current 7 --up-step 2
	later 9 up-limit 30 10 --current 9 --up-step 2
}

@test "a state that is damaged, foreign or cut short is refused with its place" {
	state=$BATS_TEST_TMPDIR/state
	later 8 targets 0 8 --current 8
	good=$(cat "$state")
	[ "$good" = '{"asked":[[0,8,8]],"clb-scale":1,"current":8,"desired":8,"down":[],"up":[]}' ]
	# shellcheck disable=SC2016
	refused() {
		printf '%s' "$1" >"$state"
		cp "$state" "$state.before"
		check 65 '' "clb-scale: $state:$2" \
		    clb-scale --targets-per-replica 1 --state "$state" --now 5 <"$ten"
		cmp "$state" "$state.before"
	}
	again='remove the file to begin anew'
	refused '' " this is no state of clb-scale, it is empty; $again"
	refused "${good%??}" '1:74: the line ends without a newline'
	refused '[]
' "1:1: this is no state of clb-scale; $again"
	refused "${good/\"clb-scale\":1/\"clb-scale\":2}
" "1:32: this is no state of clb-scale; $again"
	refused "${good/8,8/8,7}
" "1:11: this is no state of clb-scale; $again"
	refused "${good/\"up\":\[\]/\"up\":[[-1,2]]}
" "1:75: this is no state of clb-scale; $again"
	refused "$good
$good
" "2:1: this is no state of clb-scale; $again"
	refused '{"name":"another"}
' "1:2: this is no state of clb-scale; $again"
}

@test "a state that cannot be read or written is an error, and nothing is printed" {
	mkdir "$BATS_TEST_TMPDIR/dir"
	check 66 '' "clb-scale: $BATS_TEST_TMPDIR/dir: Is a directory" \
	    clb-scale --targets-per-replica 1 --state "$BATS_TEST_TMPDIR/dir" <"$ten"
	check 73 '' "clb-scale: $BATS_TEST_TMPDIR/no/state: No such file or directory" \
	    clb-scale --targets-per-replica 1 --state "$BATS_TEST_TMPDIR/no/state" <"$ten"
}

@test "a state of many runs stays small" {
	local state=$BATS_TEST_TMPDIR/state i

	later 1 targets 0 1 --current 1
	for i in {1..40}; do
		later $((i % 10 + 1)) targets $((i * 7)) $((i % 10 + 1)) --down-window 0 --up-period 300
	done
	[ "$(jq '.up | length' "$state")" -le 40 ]
	[ "$(jq '.asked | length' "$state")" -eq 0 ]
	[ "$(wc -c <"$state")" -lt 16000 ]
}

@test "weights that sum up to too much are refused" {
	sed 's/}$/,"weight":18446744073709551615}/' "$ten" >"$BATS_TEST_TMPDIR/heavy"
	check 65 '' 'clb-scale: the weights sum up to more than 18446744073709551615' \
	    clb-scale --weight-per-replica 1 <"$BATS_TEST_TMPDIR/heavy"
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

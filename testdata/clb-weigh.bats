load helpers

PROG=clb-weigh

setup() {
	cd "$BATS_TEST_TMPDIR"
}

# target ID LABELS: a line of ./targets; LABELS come behind __address__.
target() {
	printf '{"id":"%016x","job":"a","labels":{"__address__":"h%x:80",%s}}\n' "$1" "$1" "$2" >>targets
}

# answer TIME [LABELS VALUE]...: what Prometheus answers, in ./answer.
answer() {
	local time=$1 comma=''

	shift
	{
		printf '{"status":"success","data":{"resultType":"vector","result":['
		while [ $# -gt 0 ]; do
			printf '%s{"metric":{%s},"value":[%s,"%s"]}' "$comma" "$1" "$time" "$2"
			comma=,
			shift 2
		done
		printf ']}}\n'
	} >answer
}

# weighs WANT ARG...: ./answer gives these weights, as ID=WEIGHT, the id without its zeros.
weighs() {
	local want=$1

	shift
	clb-weigh --targets targets "$@" <answer >weights || return
	[ "$(jq -r '"\(.id | sub("^0*"; ""))=\(.weight)"' weights | paste -sd' ')" = "$want" ] ||
		{ cat weights; return 1; }
}

@test "usage is printed when asked for, and when called wrongly" {
	check_usage
	check 64 '' "$(clb-weigh --help)" clb-weigh </dev/null
	check 64 '' "$(clb-weigh --help)" clb-weigh --targets targets more </dev/null
	check 64 '' 'clb-weigh: --on and --ignoring exclude each other' \
	    clb-weigh --targets targets --on job --ignoring cluster </dev/null
	check 64 '' "clb-weigh: --on: a name in 'job,' is empty" \
	    clb-weigh --targets targets --on job, </dev/null
	check 64 '' "clb-weigh: --half-life: '-1' is not a number from 0 to 1e+11" \
	    clb-weigh --targets targets --half-life -1 </dev/null
}

@test "a series is of the target with the same labels, whatever its name" {
	target 1 '"instance":"h1","job":"a"'
	target 2 '"instance":"h2","job":"a"'
	target 3 '"instance":"h1","job":"a","pod":"x"'
	answer 10 '"__name__":"samples","instance":"h1","job":"a"' 812 \
	    '"job":"a","pod":"x","instance":"h1"' 90 '"instance":"other","job":"a"' 7
	weighs '1=812 3=90'
	diff weights - <<-'END'
		{"id":"0000000000000001","job":"a","measured":812,"time":10,"weight":812}
		{"id":"0000000000000003","job":"a","measured":90,"time":10,"weight":90}
	END
}

@test "labels that no target has are external" {
	target 1 '"instance":"h1","job":"a"'
	target 2 '"instance":"h2","job":"a","zone":"z"'
	answer 10 '"cluster":"eu","instance":"h1","job":"a"' 5 \
	    '"cluster":"eu","instance":"h2","job":"a","zone":"z"' 6
	weighs '1=5 2=6'
}

@test "--ignoring takes labels away on both sides, --on takes all others away" {
	target 1 '"instance":"h1","job":"a"'
	target 2 '"instance":"h2","job":"a","zone":"z"'
	answer 10 '"instance":"h1","job":"a","zone":"external"' 5 '"instance":"h2","job":"a"' 6
	check 65 '' 'clb-weigh: <stdin>: none of the 2 series is of one of the 2 targets' \
	    clb-weigh --targets targets <answer
	weighs '1=5 2=6' --ignoring zone,cluster
	weighs '1=5 2=6' --on instance,job
	weighs '1=5 2=6' --on instance --on job
}

@test "targets that differ in hidden labels only share a series" {
	target 1 '"__param_module":"x","instance":"h1","job":"a"'
	target 2 '"__param_module":"y","instance":"h1","job":"a"'
	answer 10 '"instance":"h1","job":"a"' 5
	weighs '1=5 2=5'
}

@test "of several series of a target the greatest counts, in any order" {
	target 1 '"instance":"h1","job":"a"'
	answer 10 '"instance":"h1","job":"a","prometheus":"p0"' 5 \
	    '"instance":"h1","job":"a","prometheus":"p1"' 8 \
	    '"instance":"h1","job":"a","prometheus":"p2"' 7
	weighs '1=8'
	answer 11 '"instance":"h1","job":"a","prometheus":"p1"' 9
	cat answer >>both
	answer 12 '"instance":"h1","job":"a","prometheus":"p0"' 4
	cat answer >>both
	mv both answer
	weighs '1=9'
	[ "$(jq .time weights)" -eq 12 ]
}

@test "what is no number above 0 is no measurement" {
	for i in 1 2 3 4 5 6 7; do
		target $i '"instance":"h'$i'","job":"a"'
	done
	answer 10 '"instance":"h1","job":"a"' 0 '"instance":"h2","job":"a"' NaN \
	    '"instance":"h3","job":"a"' +Inf '"instance":"h4","job":"a"' -3 \
	    '"instance":"h5","job":"a"' 0.25 '"instance":"h6","job":"a"' 1e300 \
	    '"instance":"h7","job":"a"' 2.5
	weighs '5=1 6=1000000000000000 7=3'
	sed 's/"value":[^}]*"2.5"\]/"histogram":[10,{"count":"3"}]/' answer >histogram
	mv histogram answer
	weighs '5=1 6=1000000000000000'
}

@test "a target that is not measured keeps what it had, with its time" {
	target 1 '"instance":"h1","job":"a"'
	target 2 '"instance":"h2","job":"a"'
	answer 10 '"instance":"h1","job":"a"' 5 '"instance":"h2","job":"a"' 6
	weighs '1=5 2=6' --previous before
	mv weights before
	answer 70 '"instance":"h1","job":"a"' 9 '"instance":"h2","job":"a"' 0
	weighs '1=9 2=6' --previous before --half-life 0
	[ "$(jq -c .time weights | paste -sd' ')" = '70 10' ]
	answer 70
	weighs '1=5 2=6' --previous before
	cmp before weights
}

@test "a target that is gone has no weight any more" {
	target 1 '"instance":"h1","job":"a"'
	target 2 '"instance":"h2","job":"a"'
	answer 10 '"instance":"h1","job":"a"' 5 '"instance":"h2","job":"a"' 6
	weighs '1=5 2=6'
	mv weights before
	sed -i 1d targets
	weighs '2=6' --previous before
}

@test "what was measured before counts half after the half-life" {
	target 1 '"instance":"h1","job":"a"'
	answer 1000 '"instance":"h1","job":"a"' 100
	weighs '1=100'
	mv weights before
	answer 1600 '"instance":"h1","job":"a"' 200
	weighs '1=150' --previous before --half-life 600
	weighs '1=175' --previous before --half-life 300
	weighs '1=171' --previous before --half-life 338
	weighs '1=121' --previous before
	weighs '1=200' --previous before --half-life 0
	weighs '1=188' --previous before --half-life 600 --now 2800.5
	[ "$(jq .time weights)" = 2800.5 ]
}

@test "small steps are not lost in rounding" {
	target 1 '"instance":"h1","job":"a"'
	answer 1000 '"instance":"h1","job":"a"' 100
	weighs '1=100'
	for i in {1..30}; do
		mv weights before
		answer $((1000 + i * 60)) '"instance":"h1","job":"a"' 110
		clb-weigh --targets targets --previous before <answer >weights
	done
	[ "$(jq '.measured * 1000 | round' weights)" -eq 105000 ]
}

@test "the same answer again, or an older one, changes nothing" {
	target 1 '"instance":"h1","job":"a"'
	answer 1000 '"instance":"h1","job":"a"' 100
	weighs '1=100'
	mv weights before
	answer 1000 '"instance":"h1","job":"a"' 200
	weighs '1=100' --previous before
	answer 900 '"instance":"h1","job":"a"' 200
	weighs '1=100' --previous before
	cmp before weights
}

@test "the order of targets, series and labels does not show" {
	for i in 3 1 2; do
		target $i '"instance":"h'$i'","job":"a"'
	done
	answer 10 '"instance":"h1","job":"a"' 1 '"instance":"h2","job":"a"' 2 \
	    '"instance":"h3","job":"a"' 3
	weighs '1=1 2=2 3=3'
	mv weights first
	tac targets >other && mv other targets
	answer 10 '"job":"a","instance":"h3"' 3 '"instance":"h1","job":"a"' 1 \
	    '"job":"a","instance":"h2"' 2
	weighs '1=1 2=2 3=3'
	cmp first weights
}

@test "an answer of many chunks is read as one of few" {
	seq 5000 | awk '{ printf "{\"id\":\"%016x\",\"job\":\"a\",\"labels\":{\"instance\":\"h%d\",\"job\":\"a\"}}\n", $1, $1 }' >targets
	seq 5000 | jq -cn '{status: "success", data: {resultType: "vector", result: [inputs |
	    {metric: {instance: "h\(.)", job: "a", long: ("x" * 200)}, value: [10, "\(.)"]}]}}' >answer
	clb-weigh --targets targets <answer >weights
	[ "$(jq -s 'length, (map(.weight) | add)' weights | paste -sd' ')" = '5000 12502500' ]
	jq . answer | clb-weigh --targets targets | cmp - weights
}

@test "an assignment does as well, and replicas are one target" {
	target 1 '"instance":"h1","job":"a"'
	for c in x y; do
		sed "s/^{/{\"collector\":\"$c\",/" targets
	done >assignment
	answer 10 '"instance":"h1","job":"a"' 5
	[ "$(clb-weigh --targets assignment <answer | wc -l)" -eq 1 ]
}

@test "what clb-weigh prints clb-schedule's reader takes, and by hand lines go behind" {
	target 1 '"instance":"h1","job":"a"'
	target 2 '"instance":"h2","job":"a"'
	answer 10 '"instance":"h1","job":"a"' 5
	weighs '1=5'
	echo '{"match":{"job":"a"},"weight":7}' >>weights
	mv weights before
	weighs '1=5' --previous before
}

# refused STATUS TEXT ERROR: an answer.
refused() {
	printf '%s\n' "$2" >bad
	check "$1" '' "clb-weigh: <stdin>:$3" clb-weigh --targets targets <bad
	# From a pipe as well, which cannot be read twice.
	check "$1" '' "clb-weigh: <stdin>:$3" clb-weigh --targets targets < <(cat bad)
}

@test "anything but an instant vector is refused, and nothing is printed" {
	target 1 '"instance":"h1","job":"a"'
	refused 65 '{"status":"success","data":{"resultType":"matrix","result":[{"metric":{},"values":[[1,"2"]]}]}}' \
	    '1:61: this is a matrix, and not an instant vector'
	refused 65 '{"status":"success","data":{"resultType":"matrix","result":[]}}' \
	    ' the result is a matrix, and not an instant vector'
	refused 65 '{"status":"success","data":{"resultType":"scalar","result":[1,"2"]}}' \
	    '1:61: this is not a series of an instant vector'
	refused 65 '{"status":"success","data":[]}' '1:28: an object is expected'
	refused 65 '{"status":"success"}' '1:1: this is not the answer to a query'
	refused 65 '[]' '1:1: an object is expected'
	refused 65 '<html>' '1:1: an object is expected'
	check 65 '' 'clb-weigh: <stdin>: there is no answer to a query' \
	    clb-weigh --targets targets </dev/null
}

@test "a series in bad shape is refused with line and column" {
	target 1 '"instance":"h1","job":"a"'
	series() {
		refused 65 "{\"status\":\"success\",\"data\":{\"resultType\":\"vector\",\"result\":[
$1]}}" "2:$2"
	}
	series '{"metric":{},"value":[1,2]}' '22: a value must be a time and a number in a string'
	series '{"metric":{},"value":[1,"2x"]}' '22: a value must be a time and a number in a string'
	series '{"metric":{},"value":[1]}' '22: a value must be a time and a number in a string'
	series '{"metric":{}}' '1: the series has no value'
	series '{"metric":{"job":1},"value":[1,"2"]}' "18: label 'job' must be a string"
	series '{"metric":{"job":"a","job":"a"},"value":[1,"2"]}' "22: label 'job' stands twice"
	answer 10 '"instance":"h1","job":"a"' 5
	head -c -20 answer >cut
	check 65 '' 'clb-weigh: <stdin>:1:100: the array ends too early' \
	    clb-weigh --targets targets <cut
}

@test "a query that failed is the query's fault, or a reason to try again" {
	: >targets
	refused 65 '{"status":"error","errorType":"bad_data","error":"1:2: parse error"}' \
	    ' the query failed: 1:2: parse error'
	refused 75 '{"status":"error","errorType":"timeout","error":"query timed out"}' \
	    ' the query failed: query timed out'
}

@test "targets and previous weights in bad shape are refused with line and column" {
	answer 10
	echo '{"job":"a"}' >targets
	check 65 '' 'clb-weigh: targets:1:1: the target has no id' clb-weigh --targets targets <answer
	: >targets
	echo '{"id":"0000000000000001","weight":-1}' >before
	check 65 '' 'clb-weigh: before:1:35: weight must be a whole number from 1 to 18446744073709551615' \
	    clb-weigh --targets targets --previous before <answer
	check 66 '' 'clb-weigh: no-such-file: No such file or directory' \
	    clb-weigh --targets no-such-file <answer
}

@test "output that cannot be written is an error" {
	target 1 '"instance":"h1","job":"a"'
	answer 10 '"instance":"h1","job":"a"' 5
	check_output_fails answer clb-weigh --targets targets
}

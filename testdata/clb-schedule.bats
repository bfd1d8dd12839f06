load helpers

PROG=clb-schedule

setup() {
	cd "$BATS_TEST_TMPDIR" || return
	cases=$BATS_TEST_DIRNAME/$PROG
}

# targets COUNT [WEIGHT]: made-up targets of three jobs; WEIGHT is awk for one's weight.
targets() {
	awk -v n="$1" "BEGIN {
		for (i = 0; i < n; i++)
			printf \"{\\\"id\\\":\\\"%016x\\\",\\\"job\\\":\\\"job-%d\\\",\\\"labels\\\":{\\\"__address__\\\":\\\"h%d:80\\\"},\\\"weight\\\":%d}\\n\",
			    i * 7919, i % 3, i, ${2:-1}
	}"
}

# loads FILE: each collector and the sum of its weights.
loads() {
	jq -rs 'group_by(.collector)[] | "\(.[0].collector) \(map(.weight) | add)"' "$1"
}

# moved A B: how many targets have another collector in B.
moved() {
	jq -ns --slurpfile a "$1" --slurpfile b "$2" '
		($a | INDEX("\(.job) \(.id)")) as $was |
		[$b[] | select(.collector != $was["\(.job) \(.id)"].collector)] | length'
}

@test "usage is printed when asked for, and when called wrongly" {
	check_usage
	local help
	help=$(clb-schedule --help)
	check 64 '' "$help" clb-schedule </dev/null
	check 64 '' "$help" clb-schedule --replicas 2 --collectors x </dev/null
	check 64 '' "$help" clb-schedule --collectors x --prefix y </dev/null
	check 64 '' "$help" clb-schedule --replicas 2 more </dev/null
}

@test "values that make no sense are refused" {
	check 64 '' "clb-schedule: --replicas: '-1' is not a number from 0 to 1000000" \
	    clb-schedule --replicas -1 </dev/null
	check 64 '' "clb-schedule: --tolerance: 'nan' is not a number from 0 to 1000" \
	    clb-schedule --replicas 2 --tolerance nan </dev/null
	check 64 '' "clb-schedule: --max-drop: '101' is not a number from 0 to 100" \
	    clb-schedule --replicas 2 --max-drop 101% </dev/null
	check 64 '' "clb-schedule: --max-moves: 'x' is not a number from 0 to 18446744073709551615" \
	    clb-schedule --replicas 2 --max-moves x </dev/null
	check 64 '' "clb-schedule: --strategy: unknown strategy 'dice'" \
	    clb-schedule --replicas 2 --strategy dice </dev/null
}

@test "targets without a collector are spread evenly, and each job of them" {
	check_case 0 six-on-two --replicas 2
	check_case 0 six-on-two --replicas 2 --strategy least-weighted --max-drop 50%
}

@test "the heaviest are placed first, on the collector with the least load" {
	check_case 0 weights --replicas 2
}

@test "a target keeps its collector" {
	check_case 0 keeps --replicas 2 --previous previous.jsonl
}

@test "the targets of a departed collector go to the others, and no other moves" {
	check_case 0 departed-collector --replicas 2 --previous previous.jsonl
}

@test "a new collector is filled with the fewest moves" {
	check_case 0 new-collector --tolerance 0 --replicas 3 --previous previous.jsonl
	targets 1000 >t
	clb-schedule --replicas 4 --tolerance 0 <t >four
	clb-schedule --replicas 5 --tolerance 0 --previous four <t >five
	[ "$(moved four five)" -eq 200 ]
	[ "$(loads five | cut -d' ' -f2 | sort -u)" = 200 ]
	clb-schedule --replicas 4 --tolerance 0 --previous five <t >back
	[ "$(moved five back)" -eq 200 ]
	[ "$(loads back | cut -d' ' -f2 | sort -u)" = 250 ]
}

@test "a target that a collector has lost does not move again when that one is back" {
	targets 60 >targets
	clb-schedule --replicas 3 <targets >before
	printf '{"name":"collector-%d"}\n' 0 2 >collectors
	echo '{"name":"collector-1","state":"draining"}' >>collectors
	clb-schedule --collectors collectors --previous before <targets >meanwhile
	[ "$(moved before meanwhile)" -eq 20 ]
	clb-schedule --replicas 3 --tolerance 0 --previous meanwhile <targets >after
	[ "$(moved meanwhile after)" -eq 20 ]
	[ "$(jq '.moved // 0' after | sort | uniq -c | tr -s ' \n' ' ')" = ' 20 0 20 1 20 2 ' ]
	# What the input says of that does not count.
	clb-schedule --replicas 3 --previous after <after | cmp after
}

@test "within the tolerance nothing moves, outside only as much as it takes" {
	targets 1000 >t
	clb-schedule --replicas 4 <t >four
	clb-schedule --replicas 5 --previous four <t >five
	[ "$(moved four five)" -eq 190 ]
	[ "$(loads five | sort -k2n | head -n 1)" = 'collector-4 190' ]
	clb-schedule --replicas 5 --tolerance 0.5 --previous four <t >loose
	[ "$(moved four loose)" -eq 100 ]
}

@test "where no single move helps, a collector makes room for a heavy target" {
	{
		printf '{"id":"%016x","job":"heavy","labels":{},"weight":%d}\n' 1 90 2 68
		seq 3 281 | awk '{ printf "{\"id\":\"%016x\",\"job\":\"light\",\"labels\":{},\"weight\":3}\n", $1 }'
	} >t
	awk '{ printf "{\"collector\":\"collector-%d\",%s\n", NR < 3 ? 0 : 1 + NR % 9, substr($0, 2) }' t >before
	clb-schedule --replicas 10 --previous before --report r <t >after
	[ "$(jq -c '.imbalance <= 1.05' r)" = true ]
	[ "$(jq .moved r)" -lt 60 ]
	clb-schedule --replicas 10 --previous after <t | cmp - after
	clb-schedule --replicas 10 --previous before --max-moves 3 --report r <t >few
	[ "$(jq .moved r)" -le 3 ]
}

@test "a run on its own result moves nothing" {
	targets 1000 '1 + i * i % 97' >t
	clb-schedule --replicas 7 <t >a
	clb-schedule --replicas 7 --previous a <t | diff a -
	clb-schedule --replicas 9 --previous a --tolerance 0.01 <t >b
	clb-schedule --replicas 9 --previous b --tolerance 0.01 <t | diff b -
}

@test "no more than --max-moves are moved for balance" {
	targets 1000 >t
	clb-schedule --replicas 4 <t >four
	clb-schedule --replicas 5 --previous four --max-moves 7 <t >a
	[ "$(moved four a)" -eq 7 ]
	[ "$(loads a | grep collector-4)" = 'collector-4 7' ]
	clb-schedule --replicas 5 --previous four --max-moves 0 <t | diff four -
	clb-schedule --replicas 3 --previous four --max-moves 0 <t >three
	[ "$(moved four three)" -eq 250 ]
}

@test "the order of the input does not matter" {
	targets 500 '1 + i % 13' >t
	clb-schedule --replicas 7 <t >a
	clb-schedule --replicas 9 --previous a <t >b
	sort -R t | clb-schedule --replicas 7 | diff a -
	sort -R a >shuffled
	sort -R t | clb-schedule --replicas 9 --previous shuffled | diff b -
	for i in 8 3 5 1 0 2 7 6 4; do
		printf '{"name":"collector-%d"}\n' $i
	done >nine
	clb-schedule --collectors nine --previous a <t | diff b -
}

@test "the output is sorted by collector, job and id, and all targets are in it" {
	targets 500 '1 + i % 13' >t
	clb-schedule --replicas 12 <t >a
	jq -r '[.collector, .job, .id] | join(" ")' a >keys
	LC_ALL=C sort -C keys
	diff <(jq -c 'del(.collector)' a | sort) <(sort t)
	[ "$(head -n 1 keys | cut -d' ' -f1)" = collector-0 ]
	[ "$(sed -n '$p' keys | cut -d' ' -f1)" = collector-9 ]
}

@test "collectors that are pending or draining get nothing, and give up what they have" {
	check_case 0 states --collectors collectors.jsonl --previous previous.jsonl
}

@test "--prefix is the beginning of the collectors' names" {
	check 0 'é "x"-0' '' sh -c 'clb-schedule --replicas 1 --prefix "é \"x\"-" |
	    jq -r .collector' <"$cases/no-id/one.jsonl"
}

@test "targets without a ready collector are nowhere to go: 75, no output" {
	check 75 '' 'clb-schedule: no collector is ready to take 6 targets' \
	    clb-schedule --replicas 0 <"$cases/states/input.jsonl"
	check 75 '' 'clb-schedule: no collector is ready to take 6 targets' \
	    clb-schedule --collectors "$cases/states/none-ready.jsonl" <"$cases/states/input.jsonl"
	check 0 '' '' clb-schedule --replicas 0 </dev/null
	check 0 '' '' clb-schedule --replicas 3 </dev/null
}

@test "fields that are not known are passed on" {
	check_case 0 unknown-fields --replicas 2
}

@test "the turn that moved a target is in its record, in its place among other fields" {
	check_case 0 moved --replicas 1 --previous previous.jsonl
}

@test "a target that stands twice is one target" {
	check_case 0 duplicates --replicas 2
}

@test "more than --max-drop of the previous targets gone: 75, no output" {
	check 75 '' 'clb-schedule: 4 of the 8 targets that were assigned are gone, more than 49.9%' \
	    clb-schedule --replicas 2 --previous "$cases/drop/previous.jsonl" --max-drop 49.9 \
	    <"$cases/drop/input.jsonl"
	check 75 '' 'clb-schedule: 8 of the 8 targets that were assigned are gone, more than 50%' \
	    clb-schedule --replicas 2 --previous "$cases/drop/previous.jsonl" --max-drop 50% </dev/null
	for limit in 50 50% 100%; do
		clb-schedule --replicas 2 --previous "$cases/drop/previous.jsonl" --max-drop $limit \
		    <"$cases/drop/input.jsonl" >out
		[ "$(wc -l <out)" -eq 4 ]
	done
	# Without the option, with all gone, and with targets that are new.
	check 0 '' '' clb-schedule --replicas 2 --previous "$cases/drop/previous.jsonl" </dev/null
	check 0 '' '' clb-schedule --replicas 2 --previous "$cases/drop/previous.jsonl" \
	    --max-drop 100 </dev/null
	clb-schedule --replicas 2 --previous "$cases/drop/input-assigned.jsonl" --max-drop 0 \
	    <"$cases/drop/previous.jsonl" >out
	[ "$(wc -l <out)" -eq 8 ]
}

@test "input in bad shape is refused with line and column" {
	check_case 65 no-id --replicas 2
	check_case 65 cut-short --replicas 2
	check_case 65 weight-zero --replicas 2
	check_case 65 weights-too-large --replicas 2
}

@test "a previous assignment in bad shape is refused with line and column" {
	local dir=$cases/bad-previous

	check 65 '' "clb-schedule: $dir/no-collector.jsonl:2:1: the target has no collector" \
	    clb-schedule --replicas 2 --previous "$dir/no-collector.jsonl" <"$dir/input.jsonl"
	check 65 '' "clb-schedule: $dir/no-id.jsonl:1:1: the target has no id" \
	    clb-schedule --replicas 2 --previous "$dir/no-id.jsonl" <"$dir/input.jsonl"
	check 65 '' "clb-schedule: $dir/cut.jsonl:1:102: the line ends without a newline" \
	    clb-schedule --replicas 2 --previous "$dir/cut.jsonl" <"$dir/input.jsonl"
	check 66 '' 'clb-schedule: none.jsonl: No such file or directory' \
	    clb-schedule --replicas 2 --previous none.jsonl <"$dir/input.jsonl"
}

@test "a list of collectors in bad shape is refused with line and column" {
	# bad NAME PLACE TEXT
	bad() {
		check 65 '' "clb-schedule: $cases/bad-collectors/$1.jsonl:$2: $3" \
		    clb-schedule --collectors "$cases/bad-collectors/$1.jsonl" </dev/null
	}
	bad unknown-state 1:21 "state 'dead' is none of ready, pending and draining"
	bad twice 2:1 "collector 'a' stands twice"
	bad no-name 1:1 "the collector has no name"
	bad not-object 1:1 'a collector must be an object'
	bad empty-name 1:9 'name must be a string that is not empty'
	bad field-twice 1:13 "field 'name' stands twice"
	bad cut 1:13 'the line ends without a newline'
	check 66 '' 'clb-schedule: none.jsonl: No such file or directory' \
	    clb-schedule --collectors none.jsonl </dev/null
}

@test "output that cannot be written is an error" {
	check_output_fails "$cases/six-on-two/input.jsonl" clb-schedule --replicas 2
	check_output_fails "$cases/six-on-two/input.jsonl" clb-schedule --replicas 2 \
	    --previous "$cases/drop/previous.jsonl"
}

# owners FILE: id and collector of each record, by id.
owners() {
	jq -r '[.id, .collector] | @tsv' "$1" | sort
}

# The expected ones were computed from the algorithm's description, not by clb.
@test "consistent-hashing is the target allocator's, by the discovered address" {
	local dir=$cases/consistent-hashing

	clb-schedule --replicas 5 --prefix otel- --strategy consistent-hashing \
	    <"$dir/input.jsonl" >five
	owners five | diff "$dir/5.tsv" -
	clb-schedule --replicas 12 --prefix otel- --strategy consistent-hashing \
	    --previous five <"$dir/input.jsonl" >twelve
	owners twelve | diff "$dir/12.tsv" -
}

@test "hashmod is prometheus-operator's: MD5 of __tmp_hash, else of the address" {
	clb-schedule --replicas 12 --prefix prometheus-x- --strategy hashmod \
	    <"$cases/hashmod/input.jsonl" >out
	jq -r '[.id, .labels.__tmp_hash // .labels.__address__] | @tsv' "$cases/hashmod/input.jsonl" |
	    while IFS=$'\t' read -r id key; do
		sum=$(printf %s "$key" | md5sum)
		high=0x${sum:16:8} low=0x${sum:24:8}
		printf '%s\tprometheus-x-%d\n' "$id" $(((high % 12 * (2**32 % 12) + low) % 12))
	done >want
	[ "$(wc -l <want)" -eq 60 ]
	owners out | diff want -
}

@test "vmagent goes by all labels, and has replicas on the next members" {
	clb-schedule --replicas 5 --prefix vmagent- --strategy vmagent \
	    <"$cases/vmagent/input.jsonl" >five
	owners five | diff "$cases/vmagent/five.tsv" -
	clb-schedule --replicas 12 --prefix vmagent- --strategy vmagent --replication 2 \
	    <"$cases/vmagent/input.jsonl" >twelve
	owners twelve | diff "$cases/vmagent/twelve-twice.tsv" -
}

@test "shards are counted by the number a name ends with, whatever the order of the file" {
	for i in 10 3 0 11 7 2 9 1 8 5 4 6; do
		printf '{"name":"vmagent-%d"}\n' $i
	done >twelve
	printf '{"name":"vmagent-12","state":"pending"}\n' >>twelve
	clb-schedule --collectors twelve --strategy vmagent --replication 2 \
	    <"$cases/vmagent/input.jsonl" >out
	owners out | diff "$cases/vmagent/twelve-twice.tsv" -
}

@test "--report says what was decided, and how even it is" {
	printf '{"name":"a"}\n{"name":"b"}\n{"name":"old","state":"draining"}\n' >three
	targets 6 '1 + i' >t
	clb-schedule --collectors <(printf '{"name":"a"}\n{"name":"old"}\n{"name":"lost"}\n') <t >before
	check 0 '' '' sh -c 'clb-schedule --collectors three --previous before --report r <t >after'
	diff - r <<-'END'
		{"assigned":6,"collectors":[{"jobs":{"job-0":1,"job-2":2},"name":"a","state":"ready","targets":3,"weight":10},{"jobs":{"job-0":1,"job-1":2},"name":"b","state":"ready","targets":3,"weight":11},{"jobs":{},"name":"old","state":"draining","targets":0,"weight":0}],"floor":1.04762,"imbalance":1.04762,"moved":4,"moves":{"balance":0,"departed":4,"limits":0,"placed":0},"targets":6,"unassigned":{}}
	END
}

@test "--plan prints what would move and why, and changes nothing" {
	printf '{"name":"a"}\n{"name":"b"}\n{"name":"old","state":"draining"}\n' >three
	targets 6 '1 + i' >t
	head -n 5 t | clb-schedule --collectors \
	    <(printf '{"name":"a"}\n{"name":"old"}\n{"name":"lost"}\n') >before
	check 0 "$(cat "$cases/plan/expected.jsonl")" '' sh -c \
	    'clb-schedule --collectors three --previous before --plan --report r --unassigned u <t'
	[ ! -e r ]
	[ ! -e u ]
}

# twelve: collectors in three zones and on twelve nodes; c-3 drains, c-5 is pending.
twelve() {
	local i state

	for i in 0 1 2 3 4 5 6 7 8 9 10 11; do
		state=ready
		[ "$i" -ne 3 ] || state=draining
		[ "$i" -ne 5 ] || state=pending
		printf '{"capacity":%d,"name":"c-%d","node":"n%d","state":"%s","zone":"z%d"}\n' \
		    $((800 + i)) "$i" "$i" "$state" $((i % 3))
	done
}

# on_nodes: targets with a node, for every tenth one that has no collector.
on_nodes() {
	targets "$1" "$2" | jq -c '.node = "n\((.labels.__address__ | ltrimstr("h") |
	    rtrimstr(":80") | tonumber) % 13)"'
}

@test "with --replication a target is on so many collectors, in different zones" {
	twelve >all
	targets 100 >t
	clb-schedule --collectors all --replication 3 <t >a
	[ "$(wc -l <a)" -eq 300 ]
	jq -e -ns --slurpfile a a --slurpfile c all '($c | INDEX(.name)) as $c |
		$a | group_by(.id) | map(map($c[.collector].zone) | unique | length) |
		unique == [3]' >/dev/null
	[ -z "$(grep -e '"c-3"' -e '"c-5"' a)" ]
	clb-schedule --collectors all --replication 3 --previous a <t | diff a -
	# More copies than zones: no more in one than it must.
	clb-schedule --collectors all --replication 4 --previous a <t >b
	jq -e -ns --slurpfile a b --slurpfile c all '($c | INDEX(.name)) as $c |
		$a | group_by(.id) | map(group_by($c[.collector].zone) | map(length) | sort) |
		unique == [[1,1,2]]' >/dev/null
	[ "$(comm -12 <(sort a) <(sort b) | wc -l)" -gt 200 ]
}

@test "more copies than collectors are ready: all of these have the target, the rest is told of" {
	targets 2 >t
	check 0 '4' 'clb-schedule: warning: 2 of 6 copies of targets are not assigned' \
	    sh -c 'clb-schedule --replicas 2 --replication 3 --unassigned u <t | wc -l'
	[ "$(jq -r .reason u)" = "$(printf 'collectors\ncollectors')" ]
}

@test "--zone-skew keeps the numbers of targets in zones together" {
	# Five collectors in z0, one in z1: by load alone z0 has five times as many.
	for i in 0 1 2 3 4 5; do
		printf '{"name":"c-%d","zone":"z%d"}\n' $i $((i / 5))
	done >six
	targets 100 >t
	clb-schedule --collectors six <t >even
	[ "$(grep -c '"c-5"' even)" -le 18 ]
	clb-schedule --collectors six --previous even --zone-skew 4 <t >a
	[ "$(grep -c '"c-5"' a)" -eq 48 ]
	[ "$(moved even a)" -eq $((48 - $(grep -c '"c-5"' even))) ]
	clb-schedule --collectors six --previous a --zone-skew 4 <t | diff a -
	clb-schedule --collectors six --previous even --zone-skew 4 --max-moves 3 <t >b
	[ "$(moved even b)" -eq 3 ]
}

@test "limits are kept, and what does not fit is counted and told of" {
	twelve >all
	# Their weight is 6994, and ten collectors are ready: twelve of the heaviest are too many.
	targets 1000 '1 + i % 13' >t
	check 0 '' 'clb-schedule: warning: 12 of 1000 targets are not assigned' sh -c \
	    'clb-schedule --collectors all --max-weight 685 --max-targets 99 --unassigned u --report r \
	    <t >a'
	[ "$(jq -s 'group_by(.collector) | map(length) | max' a)" -le 99 ]
	[ "$(wc -l <u)" -eq 12 ]
	[ "$(jq -r .reason u | sort -u)" = capacity ]
	[ "$(jq -c '[.assigned, ([.unassigned[]] | add)]' r)" = '[988,12]' ]
	[ "$(jq -c '.collectors[] | select(.targets > 99 or .weight > 685)' r)" = '' ]
	# The records are those of the input, with a reason.
	diff <(jq -c 'del(.reason)' u | sort) <(jq -r .id u | grep -F -f - t | sort)
}

@test "a collector's capacity is its own limit" {
	printf '{"name":"a","capacity":3}\n{"name":"b","capacity":0}\n{"name":"c"}\n' >three
	targets 10 >t
	clb-schedule --collectors three <t >a
	[ "$(loads a)" = "$(printf 'a 3\nc 7')" ]
	clb-schedule --collectors three --max-weight 5 <t >b 2>err
	[ "$(loads b)" = "$(printf 'a 3\nc 5')" ]
	# One that has more than it may gives up no more than that.
	printf '{"name":"a","capacity":1}\n{"name":"c"}\n' >two
	clb-schedule --collectors two --previous a --plan <t >plan
	[ "$(jq -r 'select(.id) | [.from, .reason, .to] | @tsv' plan)" = \
	    "$(printf 'a\tlimits\tc\na\tlimits\tc')" ]
}

@test "per-node: the collector on the target's node, or else what --fallback says" {
	twelve | jq -c 'del(.capacity)' >all
	on_nodes 130 >t
	check 0 '' 'clb-schedule: warning: 30 of 130 targets are not assigned' sh -c \
	    'clb-schedule --collectors all --strategy per-node --unassigned u <t >a'
	jq -e -s 'all("c-\(.node[1:])" == .collector)' a >/dev/null
	[ "$(jq -r '[.node, .reason] | @tsv' u | sort -u)" = "$(printf 'n12\tnode\nn3\tnode\nn5\tnode')" ]
	for fallback in least-weighted consistent-hashing hashmod vmagent; do
		clb-schedule --collectors all --strategy per-node --fallback $fallback \
		    --previous a <t >b
		[ "$(comm -12 <(sort a) <(sort b) | wc -l)" -eq 100 ]
		[ "$(wc -l <b)" -eq 130 ]
		[ -z "$(grep -e '"c-3"' -e '"c-5"' b)" ]
	done
	jq -c 'del(.node)' t >nowhere
	clb-schedule --collectors all --strategy hashmod <nowhere | jq -r '[.id, .collector]' >want
	clb-schedule --collectors all --strategy per-node --fallback hashmod <nowhere |
	    jq -r '[.id, .collector]' | diff want -
}

@test "every strategy: the order of the input does not matter, and its own result moves nothing" {
	twelve >all
	sort -R all >mixed
	on_nodes 400 '1 + i % 17' >t
	sort -R t >t2
	for strategy in least-weighted consistent-hashing hashmod vmagent \
	    'per-node --fallback vmagent' 'per-node --fallback least-weighted'; do
		set -- --strategy $strategy --replication 2 --max-targets 100 --zone-skew 20 \
		    --tolerance 0.02
		head -n 300 t | clb-schedule --collectors <(head -n 9 all) "$@" >before 2>/dev/null
		sort -R before >before2
		clb-schedule --collectors all "$@" --previous before <t >a 2>/dev/null
		clb-schedule --collectors mixed "$@" --previous before2 <t2 2>/dev/null | diff a -
		clb-schedule --collectors mixed "$@" --previous a <t2 2>/dev/null | diff a -
		[ "$(wc -l <a)" -gt 700 ]
	done
}

@test "weights: the label, then what was measured, then the field, then the job's median, then 1" {
	cat >t <<-'END'
		{"id":"0000000000000001","job":"a","labels":{"__address__":"h1:80","__clb_weight__":"7"},"weight":3}
		{"id":"0000000000000002","job":"a","labels":{"__address__":"h2:80"},"weight":3}
		{"id":"0000000000000003","job":"a","labels":{"__address__":"h3:80"},"weight":3}
		{"id":"0000000000000004","job":"a","labels":{"__address__":"h4:80"}}
		{"id":"0000000000000005","job":"a","labels":{"__address__":"h5:80"}}
		{"id":"0000000000000006","job":"a","labels":{"__address__":"h6:80"}}
		{"id":"0000000000000007","job":"b","labels":{"__address__":"h7:80"}}
		{"id":"0000000000000008","job":"b","labels":{"__address__":"h8:80","__clb_weight__":"-2"}}
	END
	cat >w <<-'END'
		{"id":"0000000000000001","weight":500}
		{"id":"0000000000000002","weight":20}
		{"id":"0000000000000004","weight":9}
		{"match":{"__address__":"h5:80"},"weight":30}
		{"id":"0000000000000005","weight":40}
		{"job":"a","match":{"__address__":"h2:80"},"weight":50}
	END
	clb-schedule --replicas 1 --weights w <t >a 2>err
	[ "$(cat err)" = 'clb-schedule: warning: __clb_weight__ is no whole number from 1 on 1 of the targets' ]
	# Measured in job a are 500, 50, 9 and 40: the median is 40.
	[ "$(jq -s -c 'map(.weight)' a)" = '[7,50,3,9,40,40,1,1]' ]
	[ -z "$(grep __clb_weight__ a)" ]
	[ "$(jq -s -c 'map(.id[15:]) | join("")' a)" = '"12345678"' ]
	# Without a file there is no median.
	[ "$(clb-schedule --replicas 1 <t 2>/dev/null | jq -s -c 'map(.weight)')" = '[7,3,3,1,1,1,1,1]' ]
}

@test "weights, capacities and labels in bad shape are refused, with line and column" {
	twelve >all
	for bad in -1 0 1.5 1e3 NaN '"7"' 18446744073709551616; do
		printf '{"id":"0000000000000001","job":"a","labels":{},"weight":%s}\n' "$bad" >t
		clb-schedule --replicas 2 <t >out 2>err && false
		[ $? -eq 65 ]
		[[ $(cat err) =~ ^clb-schedule:\ \<stdin\>:1:[0-9]+:\ .+$ ]]
		printf '{"id":"0000000000000001","weight":%s}\n' "$bad" >w
		clb-schedule --replicas 2 --weights w </dev/null >out 2>err && false
		[ $? -eq 65 ]
		[[ $(cat err) =~ ^clb-schedule:\ w:1:[0-9]+:\ .+$ ]]
		[ "$bad" != 0 ] || continue
		printf '{"name":"a","capacity":%s}\n' "$bad" >c
		clb-schedule --collectors c </dev/null >out 2>err && false
		[ $? -eq 65 ]
		[[ $(cat err) =~ ^clb-schedule:\ c:1:[0-9]+:\ .+$ ]]
		[ ! -s out ]
	done
	printf '{"name":"a","zone":7}\n' >c
	check 65 '' 'clb-schedule: c:1:20: zone must be a string that is not empty' \
	    clb-schedule --collectors c </dev/null
	printf '{"id":"0000000000000001","weight":5}' >w
	check 65 '' 'clb-schedule: w:1:37: the line ends without a newline' \
	    clb-schedule --replicas 2 --weights w </dev/null
	check 66 '' 'clb-schedule: none: No such file or directory' \
	    clb-schedule --replicas 2 --weights none </dev/null
}

@test "a list without collectors, and options that make no sense" {
	check 75 '' 'clb-schedule: no collector is ready to take 6 targets' \
	    clb-schedule --collectors /dev/null <"$cases/states/input.jsonl"
	check 64 '' "clb-schedule: --replication: '0' is not a number from 1 to 1000" \
	    clb-schedule --replicas 2 --replication 0 </dev/null
	check 64 '' "clb-schedule: --zone-skew: '0' is not a number from 1 to 18446744073709551615" \
	    clb-schedule --replicas 2 --zone-skew 0 </dev/null
	check 64 '' "clb-schedule: --fallback: unknown strategy 'x'" \
	    clb-schedule --replicas 2 --strategy per-node --fallback x </dev/null
	check 64 '' "clb-schedule: --fallback: per-node is none" \
	    clb-schedule --replicas 2 --strategy per-node --fallback per-node </dev/null
}

@test "a report or a list of what is unassigned that cannot be written: nothing is printed" {
	targets 5 >t
	for option in --report --unassigned; do
		clb-schedule --replicas 2 $option none/file <t >out 2>err && false
		[ $? -eq 73 ]
		[ ! -s out ]
		[[ $(cat err) == 'clb-schedule: none/file'* ]]
	done
}

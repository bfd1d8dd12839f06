load helpers

PROG=clb-writesd

setup() {
	cd "$BATS_TEST_TMPDIR" || return
}

# publish DIR CASE ARG...: the case's assignment goes to DIR, and nothing is said.
publish() {
	local dir=$1 case=$2

	shift 2
	check 0 '' '' clb-writesd -d "$dir" "$@" <"$BATS_TEST_DIRNAME/$PROG/$case/input.jsonl"
}

# same_files DIR CASE: the files in DIR are those that the case expects.
same_files() {
	diff -r --exclude=.clb-writesd "$BATS_TEST_DIRNAME/$PROG/$2/expected" "$1"
}

# state DIR: what would show that something in it was touched.
state() {
	find "$1" -printf '%p %i %T@ %C@ %s %m\n' | sort
}

# files DIR: the same of files alone; a directory may have been written to.
files() {
	state "$1" | grep 'json '
}

# targets COUNT JOBS SALT: the targets of a made-up stream.
targets() {
	awk -v n="$1" -v jobs="$2" -v salt="$3" 'BEGIN {
		for (i = 0; i < n; i++)
			printf "{\"id\":\"%016x\",\"job\":\"job-%d\",\"labels\":{\"__address__\":\"h%d:80\"," \
			    "\"__metrics_path__\":\"/metrics\",\"__scheme__\":\"http\",\"job\":\"j\"," \
			    "\"salt\":\"%s-%d\"}}\n", i * 7919, i % jobs, i, salt, i
	}'
}

@test "usage is printed when asked for, and when called wrongly" {
	check_usage
	check 64 '' "$(clb-writesd --help)" clb-writesd </dev/null
	check 64 '' "$(clb-writesd --help)" clb-writesd -d sd more </dev/null
	check 64 '' "clb-writesd: unknown Prometheus version '1': give 2, 3 or MAJOR.MINOR from 2.42 on" \
	    clb-writesd -d sd --compat 1 </dev/null
	[ ! -e sd ]
}

@test "each collector gets a directory, and each job in it a file" {
	publish sd two-collectors
	same_files sd two-collectors
}

@test "files and directories can be read by everybody, whatever the umask is" {
	umask 077
	publish sd two-collectors
	[ "$(stat -c %a sd sd/collector-0 sd/collector-0/api.json | tr '\n' ' ')" = '755 755 644 ' ]
}

@test "an unchanged run touches nothing" {
	publish sd two-collectors
	state sd >before
	publish sd two-collectors
	diff -u before <(state sd)
}

@test "only what has changed is replaced" {
	publish sd two-collectors
	stat -c %i sd/*/*.json >before
	sed 's/"env":"x"/"env":"y"/' "$BATS_TEST_DIRNAME/$PROG/two-collectors/input.jsonl" >changed
	check 0 '' '' clb-writesd -d sd <changed
	stat -c %i sd/*/*.json >after
	[ "$(diff before after | grep -c '^>')" -eq 1 ]
	[ "$(jq -r '.[1].labels.env' sd/collector-0/api.json)" = y ]
}

# watch FILE CMD...: the events that CMD makes below sd, in FILE.
watch() {
	local log=$1 pid i

	shift
	inotifywait -m -r --format '%e %w%f' -e modify -e attrib -e close_write -e move \
	    -e create -e delete sd >"$log" 2>watch.err 3>&- &
	pid=$!
	for ((i = 0; i < 100; i++)); do
		! grep -q established watch.err || break
		sleep 0.1
	done
	"$@"
	touch sd/end
	for ((i = 0; i < 100; i++)); do
		! grep -q ' sd/end$' "$log" || break
		sleep 0.1
	done
	kill "$pid"
	wait "$pid" || :
	grep -q ' sd/end$' "$log"
	sed -i '/ sd\/end$/d' "$log"
	rm sd/end
}

@test "inotifywait sees nothing of an unchanged run, and one rename of a changed file" {
	publish sd two-collectors
	watch events publish sd two-collectors
	diff -u /dev/null events

	sed 's/10.0.0.3:80/10.0.0.4:80/g' "$BATS_TEST_DIRNAME/$PROG/two-collectors/input.jsonl" >changed
	watch events clb-writesd -d sd <changed
	sed -E 's/\.[A-Za-z0-9]{6}$/.XXXXXX/' events >seen
	diff -u - seen <<-EOT
	CREATE sd/collector-1/api.json.XXXXXX
	ATTRIB sd/collector-1/api.json.XXXXXX
	MODIFY sd/collector-1/api.json.XXXXXX
	CLOSE_WRITE,CLOSE sd/collector-1/api.json.XXXXXX
	MOVED_FROM sd/collector-1/api.json.XXXXXX
	MOVED_TO sd/collector-1/api.json
	EOT
}

@test "jobs and collectors of any name become safe file names" {
	publish sd names-of-files
	find sd -mindepth 1 | LC_ALL=C sort >names
	x=$(printf 'x%.0s' {1..226})
	e=$(printf '%%C3%%A9%.0s' {1..37})
	LC_ALL=C sort >expected <<-EOT
	sd/%2E.
	sd/%2E./%2E.%2F..%2Fetc%2Fpasswd.json
	sd/%2E./%2Ehidden.json
	sd/%2E./~.json
	sd/%2E./$e%C3=1e83b0514d251bc6.json
	sd/%2E./a%2Fb.json
	sd/%2E./c%252Fd.json
	sd/%2E./na%C3%AFve+job.json
	sd/%2E./$x=8377db93c80fd5bf.json
	sd/%2E./$x=cbed78df5f06b432.json
	sd/.clb-writesd
	EOT
	diff -u expected names
	[ "$(find . -newer sd/.clb-writesd -name '*.json' | wc -l)" -eq 9 ]
	state sd >before
	publish sd names-of-files
	diff -u before <(state sd)
}

@test "labels that a collector would fill in where they are absent are named in __handoffdel" {
	publish sd carriers
	same_files sd carriers
}

@test "for Prometheus 2, parameters and odd names travel in carriers, and others are left out" {
	check 0 '' "$(cat "$BATS_TEST_DIRNAME/$PROG/carriers/expected-2.err")" \
	    clb-writesd -d sd --compat 2 <"$BATS_TEST_DIRNAME/$PROG/carriers/input.jsonl"
	diff -u "$BATS_TEST_DIRNAME/$PROG/carriers/expected-2.json" sd/c/j.json
}

@test "for Prometheus 2, a share without targets is a group without targets" {
	cd "$BATS_TEST_TMPDIR"
	echo '{"collector":"c-0","id":"0000000000000001","job":"a","labels":{"__address__":"h:1"}}' >assignment
	printf '{"name":"c-%s"}\n' 0 1 >collectors
	check 0 '' '' clb-writesd -d sd --collectors collectors <assignment
	check 0 '[]' '' cat sd/c-1/a.json
	check 0 '' '' clb-writesd -d sd --collectors collectors --compat 2 <assignment
	check 0 '[[]]' '' jq -c 'map(.targets)' sd/c-1/a.json
	check 75 '' 'clb-writesd: <stdin>: no target is assigned, and there are files that would be removed' \
		clb-writesd -d sd --collectors collectors --compat 2 </dev/null
	check 0 '' '' clb-writesd -d sd --collectors collectors --compat 2 --allow-empty </dev/null
	check 0 '' '' clb-writesd -d sd --collectors collectors --compat 2 </dev/null
}

@test "the first five labels that are left out are named, then all counted" {
	check_case 0 many-labels-left-out -d "$PWD/sd" --compat 2
	same_files sd many-labels-left-out
}

@test "the strings in the files mean the same as JSON and as YAML" {
	publish sd strings
	same_files sd strings
	diff -u <(jq -r .labels.odd "$BATS_TEST_DIRNAME/$PROG/strings/input.jsonl") \
	    <(jq -r '.[].labels.odd' sd/c/j.json)
	cp sd/c/j.json j.yml
	printf '%s\n' 'scrape_configs:' '- job_name: j' '  file_sd_configs:' '  - files: [j.yml]' >p.yml
	check 0 "$(jq -r .labels.odd "$BATS_TEST_DIRNAME/$PROG/strings/input.jsonl")" '' \
	    sh -c 'clb-discover -c p.yml >disc && jq -r .labels.odd disc'
}

@test "input in bad shape is refused with line and column, and the old files stay" {
	publish sd two-collectors
	files sd >before
	for case in out-of-order-by-collector out-of-order-by-job out-of-order-by-id twice \
	    cut-short not-json no-collector no-id no-address; do
		check_case 65 "$case" -d "$PWD/sd"
		diff -u before <(files "$PWD/sd" | sed "s|$PWD/||")
		[ "$(ls -A sd | tr '\n' ' ')" = '.clb-writesd collector-0 collector-1 ' ]
	done
}

@test "files of departed jobs and directories of departed collectors are removed" {
	publish sd two-collectors
	grep collector-0 "$BATS_TEST_DIRNAME/$PROG/two-collectors/input.jsonl" | grep '"job":"node"}' >less
	check 0 '' '' clb-writesd -d sd <less
	[ "$(find sd -mindepth 1 | sort | tr '\n' ' ')" = \
	    'sd/.clb-writesd sd/collector-0 sd/collector-0/node.json ' ]
}

@test "what is not its own is left where it is" {
	publish sd two-collectors
	mkdir sd/.git sd/collector-1/more.json sd/lost+found
	touch sd/README sd/collector-1/notes.txt 'sd/lost+found/a.json' sd/.git/a.json
	grep collector-0 "$BATS_TEST_DIRNAME/$PROG/two-collectors/input.jsonl" >less
	check 0 '' '' clb-writesd -d sd <less
	[ -d sd/collector-1/more.json ]
	[ -e sd/README ]
	[ -e sd/collector-1/notes.txt ]
	[ -e 'sd/lost+found/a.json' ]
	[ -e sd/.git/a.json ]
	[ ! -e sd/collector-1/api.json ]
}

@test "a directory that is not empty and not its own is refused" {
	mkdir sd
	echo mine >sd/precious.json
	check 73 '' 'clb-writesd: sd: the directory is not empty, and has no .clb-writesd that says it may be used' \
	    clb-writesd -d sd <"$BATS_TEST_DIRNAME/$PROG/two-collectors/input.jsonl"
	[ "$(ls -A sd)" = precious.json ]
	mkdir -p fresh/lost+found
	publish fresh two-collectors
}

@test "an assignment of no target removes files only with --allow-empty" {
	check 0 '' '' clb-writesd -d sd </dev/null
	publish sd two-collectors
	check 75 '' 'clb-writesd: <stdin>: no target is assigned, and there are files that would be removed' \
	    clb-writesd -d sd </dev/null
	same_files sd two-collectors
	check 0 '' '' clb-writesd -d sd --allow-empty </dev/null
	[ "$(ls -A sd)" = .clb-writesd ]
}

@test "a second process in the directory is told to come back" {
	publish sd two-collectors
	exec 8<sd/.clb-writesd
	flock 8
	check 75 '' 'clb-writesd: sd: another process is writing there' \
	    clb-writesd -d sd <"$BATS_TEST_DIRNAME/$PROG/two-collectors/input.jsonl" 8>&-
	exec 8>&-
	publish sd two-collectors
}

# unprivileged CMD...: without root's right to open everything.
unprivileged() {
	if [ "$(id -u)" -eq 0 ]; then
		setpriv --bounding-set=-dac_override,-dac_read_search "$@"
	else
		"$@"
	fi
}

@test "a directory that cannot be read or written is refused, and nothing changes" {
	input=$BATS_TEST_DIRNAME/$PROG/two-collectors/input.jsonl
	publish sd two-collectors
	sed 's/10.0.0/10.0.1/g' "$input" >changed
	files sd >before
	chmod 300 sd/collector-1
	check 73 '' 'clb-writesd: sd/collector-1: Permission denied' \
	    unprivileged clb-writesd -d sd <changed
	chmod 555 sd/collector-1
	check 73 '' 'clb-writesd: sd/collector-1/api.json: Permission denied' \
	    unprivileged clb-writesd -d sd <changed
	chmod 755 sd/collector-1
	diff -u before <(files sd)
	[ "$(find sd -type f | wc -l)" -eq 5 ]

	mkdir closed
	chmod 555 closed
	check 73 '' 'clb-writesd: closed/sd: Permission denied' \
	    unprivileged clb-writesd -d closed/sd <changed
	check 73 '' 'clb-writesd: no/such: No such file or directory' \
	    clb-writesd -d no/such <changed
}

@test "a file where a directory should be is refused, and nothing changes" {
	input=$BATS_TEST_DIRNAME/$PROG/two-collectors/input.jsonl
	touch file
	check 73 '' 'clb-writesd: file/.clb-writesd: Not a directory' clb-writesd -d file <"$input"
	mkdir sd
	touch sd/.clb-writesd sd/collector-1
	check 73 '' 'clb-writesd: sd/collector-1: File exists' clb-writesd -d sd <"$input"
	[ "$(find sd -mindepth 1 | sort | tr '\n' ' ')" = 'sd/.clb-writesd sd/collector-1 ' ]
}

@test "a full disk is an error, the old files stay, and no temporary file is left" {
	targets 200 3 old | clb-schedule --replicas 2 >small
	targets 20000 3 new | clb-schedule --replicas 2 >large
	mkdir mnt
	cat >full <<-'EOT'
	mount -t tmpfs -o size=1m none mnt || exit 1
	clb-writesd -d mnt/sd <small || exit 2
	find mnt/sd -type f -exec sha256sum {} + | sort >before
	clb-writesd -d mnt/sd <large 2>said && exit 3
	echo $? >>said
	find mnt/sd -type f -exec sha256sum {} + | sort >after
	clb-writesd -d mnt/sd <small || exit 4
	EOT
	check 0 '' '' unshare -rm sh full
	diff -u - said <<-EOT
	clb-writesd: mnt/sd/collector-0/job-2.json: No space left on device
	74
	EOT
	[ -s before ]
	diff -u before after
}

@test "warnings go nowhere when stderr is closed, and a closed stdin is an error" {
	clb-writesd -d sd --compat 2 2>&- <"$BATS_TEST_DIRNAME/$PROG/many-labels-left-out/input.jsonl"
	same_files sd many-labels-left-out
	check 66 '' 'clb-writesd: <stdin>: Bad file descriptor' sh -c 'clb-writesd -d sd <&-'
}

@test "what a killed run left is removed by the next" {
	publish sd two-collectors
	touch sd/collector-0/api.json.aB3xYz sd/collector-1/gone.json.000000 sd/collector-1/my.json.bak
	publish sd two-collectors
	[ ! -e sd/collector-0/api.json.aB3xYz ]
	[ ! -e sd/collector-1/gone.json.000000 ]
	[ -e sd/collector-1/my.json.bak ]
}

@test "200 SIGKILLs at random moments leave every file whole" {
	local killed=0 which=a start took i

	targets 6000 5 a | clb-schedule --replicas 4 >a
	targets 6000 5 b | clb-schedule --replicas 4 >b
	clb-writesd -d sd-a <a
	clb-writesd -d sd-b <b
	cat <(cd sd-a && sha256sum ./*/*.json) <(cd sd-b && sha256sum ./*/*.json) >known
	mkdir sd
	clb-writesd -d sd <a
	start=$(date +%s%N)
	clb-writesd -d sd <b
	took=$(($(date +%s%N) - start))
	for ((i = 0; i < 200; i++)); do
		clb-writesd -d sd <$which 3>&- &
		sleep "$(awk -v ns="$took" -v r="$RANDOM" 'BEGIN { printf "%.6f", ns / 1e9 * r / 32768 }')"
		kill -9 $! 2>/dev/null || :
		wait $! || killed=$((killed + 1))
		(cd sd && sha256sum ./*/*.json) >now
		[ "$(wc -l <now)" -eq 20 ]
		not grep -vxFf known now
		[ "$which" = a ] && which=b || which=a
	done
	[ "$killed" -ge 50 ]
	clb-writesd -d sd <b
	diff -r sd-b sd
}

# target COLLECTOR ID JOB ADDRESS [LABEL VALUE]...: a record.
target() {
	jq -cnS --arg c "$1" --arg i "$2" --arg j "$3" --arg a "$4" '{collector: $c,
	    id: ("000000000000000" + $i)[-16:], job: $j, labels: ($ARGS.positional | . as $p |
	    [range(0; length; 2) | {key: $p[.], value: $p[. + 1]}] | from_entries +
	    {__address__: $a, __metrics_path__: "/m", __scheme__: "http"})}' --args "${@:5}"
}

@test "targets with the same labels share a group, in the order of the input" {
	{
		target c 1 j a:1 job j x 1
		target c 2 j b:1 job j x 2
		target c 3 j c:1 job j x 1
		target c 4 j d:1 job j
		target c 5 j e:1 job j x 2
	} | clb-writesd -d sd
	diff -u - sd/c/j.json <<-'END'
	[
	{"labels":{"__metrics_path__":"/m","__scheme__":"http","job":"j","x":"1"},"targets":["a:1","c:1"]},
	{"labels":{"__metrics_path__":"/m","__scheme__":"http","job":"j","x":"2"},"targets":["b:1","e:1"]},
	{"labels":{"__metrics_path__":"/m","__scheme__":"http","job":"j"},"targets":["d:1"]}
	]
	END
}

@test "the label instance is left out where every collector makes it the address" {
	local n=0 out='h:1 10.0.0.1:9100 [::1]:9100 h:65535 h:8080' in='h h:80 h:443 ::1 [::1] [::1]:80 h: :1 h:x h:1:2 h:123456'

	{
		for a in $out $in; do
			target c $((n += 1)) j "$a" instance "$a" job j
		done
		target c $((n += 1)) j h:2 instance other job j
	} | clb-writesd -d sd
	[ "$(jq -r '.[] | select(.labels.instance == null).targets[]' sd/c/j.json | xargs)" = "$out" ]
	[ "$(jq -r '.[] | select(.labels.instance != null and .targets == [.labels.instance]).targets[]' sd/c/j.json | xargs)" = "$in" ]
	[ "$(jq -c '.[] | select(.targets == ["h:2"]).labels.instance' sd/c/j.json)" = '"other"' ]
}

@test "nothing that vmagent would expand is in the files" {
	target c 1 j a:1 job j x '%{HOME}' y '%%{A}{%' '%{l}' v | clb-writesd -d sd
	not grep -q '%{' sd/c/j.json
	jq -cS '.[].labels | [.x, .y, .["%{l}"]]' sd/c/j.json | diff -u <(echo '["%{HOME}","%%{A}{%","v"]') -
}

@test "a file of many megabytes has all targets, in little memory, and is the same each time" {
	targets 60000 1 a | clb-schedule --replicas 1 >large
	/usr/bin/time -f %M -o memory clb-writesd -d sd <large
	[ "$(stat -c %s sd/collector-0/job-0.json)" -gt 6000000 ]
	diff <(jq -r .labels.salt large) <(jq -r '.[].labels.salt' sd/collector-0/job-0.json)
	[[ $(command -v clb-writesd) == *asan* ]] || [ "$(cat memory)" -lt 12000 ]
	state sd >before
	clb-writesd -d sd <large
	diff -u before <(state sd)
}

@test "a target that several collectors have is in the files of each" {
	{ target a 1 j h:1 job j; target b 1 j h:1 job j; target b 2 j h:2 job j; } | clb-writesd -d sd
	[ "$(jq -c 'map(.targets)' sd/a/j.json sd/b/j.json | xargs)" = '[[h:1]] [[h:1,h:2]]' ]
}

@test "collectors that are known without a target have a file for each job" {
	printf '%s\n' '{"name":"a"}' '{"name":"z","state":"draining","zone":"x"}' >collectors
	{ target b 1 j h:1 job j; target b 2 k h:2 job k; } >assignment
	clb-writesd -d sd --collectors collectors <assignment
	[ "$(find sd -name '*.json' | sort | xargs)" = 'sd/a/j.json sd/a/k.json sd/b/j.json sd/b/k.json sd/z/j.json sd/z/k.json' ]
	[ "$(cat sd/a/*.json sd/z/*.json | sort -u)" = '[]' ]
	check 0 '' '' clb-writesd -d sd <assignment
	[ "$(find sd -name '*.json' | sort | xargs)" = 'sd/b/j.json sd/b/k.json' ]
}

@test "an empty assignment after an empty one takes nothing away, and is no error" {
	echo '{"name":"a"}' >collectors
	target a 1 j h:1 job j >assignment
	clb-writesd --tree tree --collectors collectors <assignment
	check 75 '' 'clb-writesd: <stdin>: no target is assigned, and there are files that would be removed' \
	    clb-writesd --tree tree --collectors collectors </dev/null
	check 0 '' '' clb-writesd --tree tree --collectors collectors --allow-empty </dev/null
	check 0 '' '' clb-writesd --tree tree --collectors collectors </dev/null
}

@test "files of collectors and scrape configs in bad shape are refused, and nothing changes" {
	target a 1 j h:1 job j >assignment
	clb-writesd --tree tree <assignment
	state tree >before
	sed 's/h:1/h:2/' assignment >next
	refused() {
		printf '%s\n' "$3" >file
		check "$1" '' "clb-writesd: $2" clb-writesd --tree tree --"$4" file <next
		diff -u before <(state tree)
	}
	refused 65 'file:1:1: the collector has no name' '{"collector":"a"}' collectors
	refused 65 'file:1:1: the collector has no name' '{"name":""}' collectors
	refused 65 'file:1:1: the collector has no name' '[]' collectors
	for what in scrape-configs private-scrape-configs; do
		refused 65 'file:1:1: an object is expected' '[]' $what
		refused 65 "file: job 'j': the scrape config is no object" '{"j":1}' $what
		refused 65 "file: job 'j': '<secret>' would be used for a secret" \
		    '{"j":{"basic_auth":{"password":  "<secret>"}}}' $what
	done
	check 66 '' 'clb-writesd: none: No such file or directory' clb-writesd --tree tree --scrape-configs none <next
	check 66 '' 'clb-writesd: none: No such file or directory' clb-writesd -d sd --collectors none <next
	check 64 '' "$(clb-writesd --help)" clb-writesd -d sd --scrape-configs file <next
	check 64 '' "$(clb-writesd --help)" clb-writesd -d sd --tree tree <next
	[ ! -e sd ]
}

@test "a tree that has not changed is not touched, and what is not known any more goes" {
	x=$(printf 'x%.0s' {1..500})
	echo '{"j":{"job_name":"j"},"never":{"job_name":"never"}}' >configs
	{ target a 1 "$x" h:3 job j; target b 1 j h:1 job j; } | LC_ALL=C sort >assignment
	clb-writesd --tree tree --scrape-configs configs --private-scrape-configs configs <assignment
	echo 'up 1' >tree/metrics
	state tree >before
	clb-writesd --tree tree --scrape-configs configs --private-scrape-configs configs <assignment
	diff -u before <(state tree)
	[ "$(cat tree/sd/a/never.json)" = '[]' ]
	[ "$(jq -r 'keys | join(" ")' tree/jobs.json)" = "j never $x" ]
	touch tree/readyz.aB3xYz tree/jobs/j.json.aB3xYz tree/sd/b/index.list.aB3xYz tree/private/scrape_configs.json.aB3xYz

	target b 1 j h:1 job j | clb-writesd --tree tree
	diff -u - <(cd tree && find . -type f ! -name .clb-writesd | LC_ALL=C sort) <<-END
	./collectors.json
	./healthz
	./jobs.json
	./jobs/j.json
	./metrics
	./readyz
	./sd/b/index.list
	./sd/b/j.json
	END
	[ "$(find tree/jobs tree/sd -type d | sort | xargs)" = 'tree/jobs tree/sd tree/sd/b' ]
}

@test "a list of files tells which have changed" {
	{ target a 1 j h:1 job j; target a 2 k h:2 job k; } >one
	{ target a 1 j h:1 job j; target a 2 k h:3 job k; } >two
	clb-writesd --tree tree <one
	cp tree/sd/a/index.list before
	clb-writesd --tree tree <two
	jq -c --slurpfile b before '$b[0].files as $b | .files | to_entries | map(select($b[.key] != .value).key)' \
	    tree/sd/a/index.list | diff -u <(echo '["k.json"]') -
	clb-writesd --tree tree <one
	cmp before tree/sd/a/index.list
}

@test "a tree on a full disk stays as it was, and 60 SIGKILLs leave every file of it whole" {
	local which=a killed=0

	targets 2000 5 old | clb-schedule --replicas 3 >a
	targets 20000 5 new | clb-schedule --replicas 4 >b
	mkdir mnt
	cat >full <<-'EOT'
	mount -t tmpfs -o size=2m none mnt || exit 1
	clb-writesd --tree mnt/t <a || exit 2
	(cd mnt/t && find . -type f -exec sha256sum {} + | sort) >before
	clb-writesd --tree mnt/t <b 2>said && exit 3
	echo $? >>said
	(cd mnt/t && find . -type f -exec sha256sum {} + | sort) >after
	clb-writesd --tree mnt/t <a || exit 4
	EOT
	check 0 '' '' unshare -rm sh full
	[ "$(sed 's/mnt.*: /mnt: /' said | xargs -d '\n')" = 'clb-writesd: mnt: No space left on device 74' ]
	diff -u before after

	clb-writesd --tree tree-a <a
	clb-writesd --tree tree-b <b
	cat <(cd tree-a && find . -type f -exec sha256sum {} +) <(cd tree-b && find . -type f -exec sha256sum {} +) >known
	clb-writesd --tree tree <a
	for ((i = 0; i < 60; i++)); do
		clb-writesd --tree tree <$which 3>&- &
		sleep "0.$(printf %03d $((RANDOM % 80)))"
		kill -9 $! 2>/dev/null || :
		wait $! || killed=$((killed + 1))
		(cd tree && find . -type f -regextype egrep ! -regex '.*\.[A-Za-z0-9]{6}' -exec sha256sum {} +) >now
		not grep -vxFf known now
		grep -q readyz now
		[ "$which" = a ] && which=b || which=a
	done
	[ "$killed" -ge 10 ]
	clb-writesd --tree tree <b
	diff -r tree-b tree
}

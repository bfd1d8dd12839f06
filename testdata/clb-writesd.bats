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
		! grep -vxFf known now
		[ "$which" = a ] && which=b || which=a
	done
	[ "$killed" -ge 50 ]
	clb-writesd -d sd <b
	diff -r sd-b sd
}

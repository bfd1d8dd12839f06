# For bats files about what nginx serves; helpers.bash is loaded before, and in site.

# site: run the bash script on stdin in a network of its own, where nginx serves
# the directory tree as testdata/tree/nginx.sh has it.
site() {
	cat >script
	cat >run <<-'EOT'
	set -euo pipefail
	. "$HERE/helpers.bash"
	url=http://127.0.0.1:8080

	# get URL ARG...: the body; answer URL ARG...: the status and the content
	# type before it.
	get() { local u=$1; shift; curl -sS "$@" "$url$u"; }
	answer() { local u=$1; shift; curl -sS -o body -w '%{http_code} %{content_type}\n' "$@" "$url$u"; cat body; }

	# up [FAULTS]: start nginx, with faults if there is a text of them; down
	# [SIGNAL]: end it.
	up() {
		mkdir -p nginx
		[ -z "${1-}" ] || printf '%s\n' "$1" >faults
		"$HERE/tree/nginx.sh" nginx tree ${1:+faults}
	}
	down() {
		local pid

		pid=$(cat nginx/nginx.pid)
		within 10 gone "$pid" "${1:-TERM}"
		rm -f nginx/nginx.pid
	}
	# gone PID SIGNAL: it has ended, and its workers; or else the signal is sent,
	# again and again, as an nginx that has just been started may miss it.
	gone() { ! kill -s "$2" -- "-$1" 2>/dev/null; }

	up
	. ./script
	EOT
	HERE=$BATS_TEST_DIRNAME TESTS=${CLB_TESTS:-$BATS_TEST_DIRNAME/../build/tests} \
	    "$BATS_TEST_DIRNAME/oracle/site.sh" "$PWD" bash run
}

# targets COLLECTOR JOB ADDRESS...: records of an assignment, in order.
targets() {
	jq -cnS '$ARGS.positional as [$c, $j] | range(2; $ARGS.positional | length) |
	    $ARGS.positional[.] as $a | {collector: $c, id: ("000000000000000\(.)")[-16:], job: $j,
	    labels: {__address__: $a, __metrics_path__: "/metrics", __scheme__: "http", job: $j}}' --args "$@"
}

# shop: two collectors and three jobs.
shop() {
	targets c-0 api a:1 b:1
	targets c-0 'ns/web 1' a:2
	targets c-1 api c:1
}

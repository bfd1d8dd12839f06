# Collectors really scrape: every series that one Prometheus has is in exactly one of
# five, and again after one was added, one was killed and one was drained. What
# testdata/fleet/scrape.sh does is seen here; it takes most of a minute, and the three
# of it would need too many of a user's inotify instances at once.
#
# How long each target was not scraped is printed, the longest first, with those who
# had it in order. One that moves is asked for by its new collector at the latest when
# that has looked at what it discovered, which a Prometheus does every five seconds.

setup_file() {
	local dir=$BATS_FILE_TMPDIR

	scrape 2 files &
	scrape 3 http &
	wait
	scrape 3 agent
}

scrape() {
	mkdir "$dir/$2"
	"$BATS_TEST_DIRNAME/fleet/scrape.sh" "$1" "$2" "$dir/$2" >"$dir/$2/said" 2>&1 3>&- ||
		echo "scrape.sh exits $?" >>"$dir/$2/said"
}

# same DELIVERY STEP: after STEP the collectors had what the one had, each once, and
# all were scraped on; the gaps are printed.
same() {
	cd "$BATS_FILE_TMPDIR/$1"
	cat said
	cat "$2"
	[ ! -s "$2" ]
	[ "$2" = start ] || sed "s/^/# $2, $1: /" "$2.gaps" >&3
	[ "$(wc -l <"$2.gaps")" -eq "$(grep -c '"__name__":"up"' one)" ]
	awk '$1 > 30 { print; bad = 1 } END { exit bad }' "$2.gaps"
}

# all DELIVERY
all() {
	same "$1" start
	same "$1" added
	grep -q ', collector-5$' added.gaps
	same "$1" killed
	[ "$(grep -c ', collector-1$' killed.gaps)" -eq 0 ]
	same "$1" drained
	[ "$(grep -c ', collector-2$' drained.gaps)" -eq 0 ]
}

@test "every series is in one of five, whoever comes and goes: Prometheus 2 with files" {
	all files
}

@test "every series is in one of five, whoever comes and goes: Prometheus 3 by HTTP" {
	all http
}

@test "every series is in one of five, whoever comes and goes: Prometheus 3 with clb-agent" {
	all agent
}

@test "what is scraped shows authentication, parameters, paths and metric rules at work" {
	cd "$BATS_FILE_TMPDIR/http"
	grep -q '"user":"sheriff"' one
	grep -q '"args":"debug=&extra=x+y&module=http_2xx&module=second&target=a.example"' one
	grep -q '"args":"debug=&module=tcp&module=second&target=d.example"' one
	grep -q '"path":"/deep/er/metrics"' one
	grep -q '{"__name__":"of","instance":"i","job":"its own",' one
	[ "$(grep -c unwanted one)" -eq 0 ]
	[ "$(grep -c '"job":"bearer","path":"/bearer"' one)" -eq 2 ]
}

#!/bin/sh
# all.sh OUT [KIND NAME]: share.sh and run.sh for every case, or for one. What is
# wrong with it is in the file OUT/KIND-NAME, which is empty if nothing is.
#
# What the five showed is kept below build/oracle, named by a hash over all that
# they were given, if it was right: as long as clb gives them the same bytes they
# are not asked again. What they showed is compared each time.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
top=$here/../..
tests=${CLB_TESTS:-$top/build/tests}
kept=${CLB_ORACLE:-$top/build/oracle}/fleet

# for xargs
if [ "$1" = --share ]; then
	"$here/share.sh" "$4" "$5" "$3" >"$2/$4-$5" 2>&1 || echo "share.sh exits $?" >>"$2/$4-$5"
	exit
fi

out=$1
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

mkdir -p "$kept"
if [ $# -eq 3 ]; then
	echo "$2 $3" >"$dir/cases"
else
	"$here/cases.sh" >"$dir/cases"
fi
# What a vmagent is given comes with what a Prometheus 3 is.
sed 's/^vmagent /3 /' "$dir/cases" | sort -u | xargs -P 4 -n 2 "$here/all.sh" --share "$out" "$dir"

# given: a hash over what the collectors are given, the same in every directory.
given() {
	{
		echo "$delivery"
		cat "$dir/$kind.sum"
		[ "$delivery" != agent ] || cat "$(command -v clb-agent)"
		cd "$dir"
		version=${kind%vmagent}
		version=${version:-3}
		find "config/$kind/$name" "files/$version/$name" "tree/$version/$name" -type f ! -name answer -print0 |
			LC_ALL=C sort -z | xargs -0 sha256sum
	} | sha256sum | cut -c 1-16
}

# deliveries: those of $kind.
deliveries() {
	case $kind in
	vmagent) echo old-files old-http new-files new-http ;;
	*) echo files http agent ;;
	esac
}

for kind in 2 3; do
	"$tests/prometheus-$kind/usr/bin/prometheus" --version 2>&1 | head -n 1 >"$dir/$kind.sum"
done
sha256sum <"$tests/vmagent-old/usr/bin/vmagent" >"$dir/vmagent.sum"
sha256sum <"$tests/vmagent-new/usr/bin/vmagent" >>"$dir/vmagent.sum"

while read -r kind name; do
	[ "$kind" != vmagent ] || cp "$out/3-$name" "$out/$kind-$name"
	[ ! -s "$out/$kind-$name" ] || continue
	mkdir -p "$dir/five/$kind/$name"
	for delivery in $(deliveries); do
		key=$(given)
		echo "$key" >"$dir/five/$kind/$name/$delivery.key"
		cp "$kept/$kind-$name-$delivery-$key" "$dir/five/$kind/$name/$delivery.json" 2>/dev/null ||
			echo "$(grep -c job_name "$dir/config/$kind/$name/${delivery#*-}.yml") $name" \
				>>"$dir/todo.$kind.$delivery"
	done
done <"$dir/cases"

# A Prometheus needs an inotify instance for each job with files, and a user has 128
# of them unless told otherwise. Those that others have are not ours, and a few go to
# whoever comes. Cases with many jobs are first, for they would wait for ever later.
used=$(find /proc/[0-9]*/fd -lname anon_inode:inotify 2>/dev/null | wc -l)
echo $(($(cat /proc/sys/fs/inotify/max_user_instances) - used - 8)) >"$dir/instances"

pids=
for todo in "$dir"/todo.*; do
	[ -s "$todo" ] || continue
	sort -rn "$todo" | sed 's/^[0-9]* //' >"$dir/sorted"
	mv "$dir/sorted" "$todo"
	delivery=${todo##*.}
	kind=${todo%.*}
	kind=${kind##*.}
	case $kind-$delivery in
	*-http) lanes=4 ;;
	vmagent-*) lanes=2 ;;
	*) lanes=3 ;;
	esac
	[ "$lanes" -le "$(wc -l <"$todo")" ] || lanes=$(wc -l <"$todo")
	"$here/run.sh" "$dir" "$kind" "$delivery" "$lanes" >"$out/run.$kind.$delivery" 2>&1 &
	pids="$pids $!"
done
for pid in $pids; do
	wait "$pid" || echo "run.sh exits $?" >>"$out/run.failed"
done

while read -r kind name; do
	[ ! -s "$out/$kind-$name" ] || continue
	for delivery in $(deliveries); do
		five=$dir/five/$kind/$name/$delivery
		"$here/differ.sh" "$kind" "$(cat "$dir/config/$kind/$name/answer")" "$five.json" >"$dir/diff" 2>&1 ||
			sed "s/^/$delivery: /" "$dir/diff" >>"$out/$kind-$name"
	done
done <"$dir/cases"

#!/bin/sh
# share.sh VERSION NAME DIR: what clb gives five Prometheuses of generation VERSION, 2
# or 3, of the oracle's case NAME:
#
#   DIR/files/VERSION/NAME/collector-N/JOB.json   clb-writesd -d
#   DIR/tree/VERSION/NAME                         clb-writesd --tree
#   DIR/config/VERSION/NAME/DELIVERY.yml          clb-config rewrite, for each of
#                                                 files, http and agent
#   DIR/config/VERSION/NAME/answer                what one Prometheus showed: see
#                                                 oracle/answer.sh
#
# vmagents are given what a Prometheus 3 is, with a configuration of their own below
# DIR/config/vmagent. The configurations name these places as they are seen inside
# (see run.sh), so that nothing in them depends on DIR. Says why and exits 1 when a
# program fails.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
oracle=$here/../oracle
version=$1
name=$2
dir=$(cd "$3" && pwd)
case=$oracle/cases/$name
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# made OUT CMD...: CMD's stdout is OUT. It may warn: not everything can be handed
# over, and what becomes of that the comparison tells.
made() {
	out=$1
	shift
	rc=0
	"$@" >"$out" 2>"$tmp/err" || rc=$?
	! grep -v ': warning: ' "$tmp/err" >&2 && [ "$rc" -eq 0 ] || { echo "$* exits $rc"; exit 1; }
}

answer=$("$oracle/answer.sh" "$version" "$case")
compat=$(cat "$answer/compat")
"$oracle/clb.sh" "$compat" "$case" "$tmp"
printf '{"name":"collector-%s"}\n' 0 1 2 3 4 >"$tmp/collectors"
made "$tmp/assignment" clb-schedule --collectors "$tmp/collectors" <"$tmp/targets"

mkdir -p "$dir/files/$version" "$dir/tree/$version"
for to in "-d $dir/files" "--tree $dir/tree"; do
	made /dev/null clb-writesd "${to%% *}" "${to#* }/$version/$name" --collectors "$tmp/collectors" \
		--compat "$compat" <"$tmp/assignment"
done

cd "$case"

# rewrite COLLECTOR KIND DELIVERY ARG...
rewrite() {
	config=$dir/config/$2/$name
	mkdir -p "$config"
	echo "$answer" >"$config/answer"
	collector=$1
	delivery=$3
	shift 3
	made "$config/$delivery.yml" clb-config rewrite --for "$collector" --compat "$compat" "$@" prometheus.yml
}
# shellcheck disable=SC2016 # it is to stand there
pod='$(POD_NAME)'
files="--via file --sd-dir /mnt/files/$version/$name/$pod"
http="--via http --sd-url http://127.0.0.1:8080/$version/$name/sd/$pod"
# shellcheck disable=SC2086 # several words
{
	rewrite prometheus "$version" files $files
	rewrite prometheus "$version" http $http
	rewrite prometheus "$version" agent --via file --sd-dir "/mnt/agent/$version/$name/$pod"
	[ "$version" = 3 ] && [ ! -e no-vmagent ] || exit 0
	rewrite vmagent vmagent files $files
	rewrite vmagent vmagent http $http
}

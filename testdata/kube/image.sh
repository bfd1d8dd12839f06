#!/bin/sh
# image.sh DIR [DOCKERFILE]: stands in for a container engine: carry out the lines of
# k8s/Dockerfile, each stage in a root file system that begins as a clean Debian 13
# (scripts/fetch-tests), and leave what the image is in DIR/root, and as what it runs
# in DIR/user, DIR/env and DIR/cmd (a word a line). Needs root, and for RUN Debian's
# archive.
#
# It knows FROM, WORKDIR, COPY, RUN, ENV, USER and CMD in the forms that are used
# there, and exits 65 at any other line. What the first RUN of a stage made, which is
# where packages are installed, is kept below build/image, by the lines and files that
# it was made from.
set -eu

top=$(cd "$(dirname "$0")/../.." && pwd)
base=${CLB_TESTS:-$top/build/tests}/debian-13
kept=${CLB_IMAGES:-$top/build/image}
mkdir -p "$1" "$kept"
dir=$(cd "$1" && pwd)
dockerfile=${2:-$top/k8s/Dockerfile}

refuse() {
	echo "image.sh: $dockerfile: $*" >&2
	exit 65
}

# copy FROM SOURCE... TARGET, as COPY does.
copy() {
	from=$1
	shift
	for target; do :; done
	case $target in /*) ;; *) target=$workdir/$target ;; esac
	target=$root$target
	while [ $# -gt 1 ]; do
		if [ -d "$from/$1" ]; then
			mkdir -p "$target"
			cp -a "$from/$1/." "$target"
		else
			case $target in */) mkdir -p "$target" ;; *) mkdir -p "${target%/*}" ;; esac
			cp -aL "$from/$1" "$target"
		fi
		[ "$from" != "$top" ] || (cd "$top" && find "$1" -type f -print0 | sort -z | xargs -0 sha256sum) >>"$dir/made-of"
		shift
	done
}

# run CMD: as RUN does.
run() {
	runs=$((runs + 1))
	key=$(sha256sum <"$dir/made-of" | cut -c 1-16)
	if [ "$runs" -eq 1 ] && [ -d "$kept/$key" ]; then
		rm -rf "$root"
		cp -a "$kept/$key" "$root"
		return
	fi
	mkdir -p "$root$workdir"
	cp -L /etc/resolv.conf "$root/etc/resolv.conf"
	# shellcheck disable=SC2016 # expands inside
	unshare --mount --pid --fork sh -euc 'mount -t proc proc "$0/proc"
		exec chroot "$0" env -i HOME=/root PATH=/usr/sbin:/usr/bin:/sbin:/bin DEBIAN_FRONTEND=noninteractive \
			sh -euc "cd \"\$0\"; eval \"\$1\"" "$1" "$2"' "$root" "$workdir" "$1" \
		>"$dir/log" 2>&1 </dev/null || { tail -n 30 "$dir/log" >&2; refuse "RUN $1 failed"; }
	if [ "$runs" -eq 1 ]; then
		cp -a "$root" "$kept/.new.$$"
		mv -T "$kept/.new.$$" "$kept/$key" 2>/dev/null || rm -rf "$kept/.new.$$"
	fi
}

sed -e '/^[[:space:]]*#/d' -e '/^[[:space:]]*$/d' "$dockerfile" |
	sed -e ':a' -e '/\\$/{N; s/[[:space:]]*\\\n[[:space:]]*/ /; ta' -e '}' >"$dir/lines"
rm -rf "$dir/stages"
mkdir "$dir/stages"
stage=0 root='' workdir='' runs=0
while read -r word rest; do
	[ "$word" = FROM ] || [ -n "$root" ] || refuse "$word before FROM"
	[ "$word" = FROM ] || echo "$word $rest" >>"$dir/made-of"
	case $word in
	FROM)
		stage=$((stage + 1)) root=$dir/stages/$stage workdir='' runs=0
		case $rest in
		'debian:trixie-slim AS '*) ln -s "$stage" "$dir/stages/${rest##* }" ;;
		debian:trixie-slim) ;;
		*) refuse "FROM $rest" ;;
		esac
		cp -a "$base" "$root"
		: >"$dir/env"
		: >"$dir/cmd"
		echo "FROM $rest" >"$dir/made-of" ;;
	WORKDIR) workdir=$rest ;;
	COPY)
		from=$top
		case $rest in
		--from=*)
			from=${rest#--from=}
			from=$dir/stages/${from%% *}
			rest=${rest#* } ;;
		esac
		# shellcheck disable=SC2086 # words
		copy "$from" $rest ;;
	RUN) run "$rest" ;;
	ENV) echo "$rest" >>"$dir/env" ;;
	USER) echo "$rest" >"$dir/user" ;;
	CMD) printf '%s\n' "$rest" | jq -er '.[]' >"$dir/cmd" ;;
	*) refuse "$word" ;;
	esac
done <"$dir/lines"
rm -rf "$dir/root"
mv "$root" "$dir/root"
rm -rf "$dir/stages"

#!/bin/sh
# site.sh DIR CMD...: run CMD in a network of its own where the sources of the
# case in DIR answer: nginx on 127.0.0.1:8080 if there is DIR/www (with what
# DIR/nginx.conf adds to its server block), dnsmasq as the only resolver if
# there is DIR/dnsmasq.conf (with DIR/resolv.conf, where there is one).
# CMD runs in the current directory; no packet leaves the machine, and all
# that was started ends with it. Exits as CMD does.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
servers=${CLB_TESTS:-$here/../../build/tests}/servers

if [ "$1" != --inside ]; then
	exec unshare --user --map-root-user --net --mount --pid --fork --kill-child \
		"$here/site.sh" --inside "$@"
fi
dir=$2
shift 2

tmp=$(mktemp -d)
# Process 1 of the namespace: whatever still runs dies with us.
trap 'rm -rf "$tmp"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

ip link set lo up
ip route add local 10.0.0.0/8 dev lo
ip -6 route add local 2001:db8::/32 dev lo 2>/dev/null || :
printf 'nameserver 127.0.0.1\noptions timeout:1 attempts:1\n' >"$tmp/resolv.conf"
[ ! -e "$dir/resolv.conf" ] || cp "$dir/resolv.conf" "$tmp/resolv.conf"
mount --bind "$tmp/resolv.conf" "$(readlink -f /etc/resolv.conf)"

# served PROG ARG...: with the unpacked libraries; only for these programs.
served() {
	prog=$servers/usr/sbin/$1
	shift
	libs=
	for l in "$servers"/usr/lib/*-linux-* "$servers"/lib/*-linux-*; do
		libs=$libs:$l
	done
	LD_LIBRARY_PATH=${libs#:} "$prog" "$@"
}

if [ -d "$dir/www" ]; then
	mkdir "$tmp/logs"
	cat >"$tmp/nginx.conf" <<-EOT
	user root;
	worker_processes 1;
	pid $tmp/nginx.pid;
	error_log $tmp/logs/error.log;
	events { worker_connections 64; }
	http {
		access_log off;
		client_body_temp_path $tmp/body;
		proxy_temp_path $tmp/proxy;
		fastcgi_temp_path $tmp/fastcgi;
		uwsgi_temp_path $tmp/uwsgi;
		scgi_temp_path $tmp/scgi;
		default_type application/json;
		server {
			listen 127.0.0.1:8080;
			root $(cd "$dir" && pwd)/www;
			$(cat "$dir/nginx.conf" 2>/dev/null || :)
		}
	}
	EOT
	served nginx -p "$tmp" -c "$tmp/nginx.conf" -e "$tmp/logs/error.log"
fi
if [ -e "$dir/dnsmasq.conf" ]; then
	served dnsmasq --conf-file="$dir/dnsmasq.conf" --user= --group= --no-resolv \
		--no-hosts --listen-address=127.0.0.1 --bind-interfaces --pid-file="$tmp/dnsmasq.pid"
fi

rc=0
"$@" || rc=$?
for pid in "$tmp/nginx.pid" "$tmp/dnsmasq.pid"; do
	[ ! -e "$pid" ] || kill "$(cat "$pid")"
done
exit "$rc"

#!/bin/sh
# nginx.sh DIR ROOT: start nginx as k8s/nginx.conf has it, serving the trees below
# ROOT on 127.0.0.1:8080; what it writes goes to DIR: nginx.pid, access.log,
# error.log. Where there is DIR/tls, with the certificates that k8s/nginx-tls.conf
# names, it is served on 8443 as well. For a namespace as oracle/site.sh makes it.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
servers=${CLB_TESTS:-$here/../../build/tests}/servers
dir=$(cd "$1" && pwd)
root=$(cd "$2" && pwd)

for f in "$here"/../../k8s/nginx*.conf; do
	[ -d "$dir/tls" ] || [ "${f##*/}" != nginx-tls.conf ] || continue
	sed "s,/tmp/,$dir/,; s,/dev/stdout,$dir/access.log,; s,/var/lib/clb/tree,$root,
		s,/etc/clb/tls,$dir/tls,; s,worker_processes auto,worker_processes 1," "$f" >"$dir/${f##*/}"
done

libs=
for l in "$servers"/usr/lib/*-linux-* "$servers"/lib/*-linux-*; do
	libs=$libs:$l
done
LD_LIBRARY_PATH=${libs#:} "$servers/usr/sbin/nginx" -p "$dir" -c "$dir/nginx.conf" \
	-e "$dir/error.log" -g "user root; error_log $dir/error.log;"

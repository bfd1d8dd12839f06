#!/bin/sh
# nginx.sh DIR ROOT [FAULTS]: start nginx as k8s/nginx.conf has it, serving the
# trees below ROOT on 127.0.0.1:8080; what it writes goes to DIR: nginx.pid,
# access.log, error.log. Where there is DIR/tls, with the certificates that
# k8s/nginx-tls.conf names, it is served on 8443 as well. With FAULTS, a file of
# nginx's, it answers as that says, in place of k8s/nginx-tree.conf: a stand-in for
# a balancer that is broken. For a namespace as oracle/site.sh makes it.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
servers=${CLB_TESTS:-$here/../../build/tests}/servers
dir=$(cd "$1" && pwd)
root=$(cd "$2" && pwd)

# copy FILE NAME: with the paths changed.
copy() {
	sed "s,/tmp/,$dir/,; s,/dev/stdout,$dir/access.log,; s,/var/lib/clb/tree,$root,g
		s,/etc/clb/tls,$dir/tls,; s,worker_processes auto,worker_processes 1," "$1" >"$dir/$2"
}
k8s=$here/../../k8s
copy "$k8s/nginx.conf" nginx.conf
copy "${3:-$k8s/nginx-tree.conf}" nginx-tree.conf
[ ! -d "$dir/tls" ] || copy "$k8s/nginx-tls.conf" tls.conf

libs=
for l in "$servers"/usr/lib/*-linux-* "$servers"/lib/*-linux-*; do
	libs=$libs:$l
done
LD_LIBRARY_PATH=${libs#:} "$servers/usr/sbin/nginx" -p "$dir" -c "$dir/nginx.conf" \
	-e "$dir/error.log" -g "user root; error_log $dir/error.log;"

#!/bin/sh
# exporter.sh DIR: nginx as a set of exporters on port 9100 of every address of this
# machine. What a page says is a series whose labels tell what was asked for:
#
#   /metrics /deep/er/metrics   whoever asks
#   /probe                      with its parameters, in the order they came
#   /basic                      with the user; only "sheriff" with "badge" gets it
#   /bearer                     only for the bearer of "star"
#   /labels                     has job and instance labels of its own, and a series
#                               "unwanted"
#
# Ends with the namespace it is in.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
servers=${CLB_TESTS:-$here/../../build/tests}/servers
mkdir -p "$1"
dir=$(cd "$1" && pwd)

libs=
for l in "$servers"/usr/lib/*-linux-* "$servers"/lib/*-linux-*; do
	libs=$libs:$l
done
echo 'sheriff:{PLAIN}badge' >"$dir/users"
page='page{server=\"$server_addr\",path=\"$uri\",args=\"$args\",user=\"$remote_user\"} 1'
cat >"$dir/nginx.conf" <<EOT
user root;
worker_processes 1;
pid $dir/nginx.pid;
events { worker_connections 512; }
http {
	access_log off;
	client_body_temp_path $dir/body;
	proxy_temp_path $dir/proxy;
	fastcgi_temp_path $dir/fastcgi;
	uwsgi_temp_path $dir/uwsgi;
	scgi_temp_path $dir/scgi;
	default_type "text/plain; version=0.0.4";
	server {
		listen 9100;
		root $dir/none;
		location / { return 404; }
		location = /metrics { return 200 "$page\n"; }
		location = /deep/er/metrics { return 200 "$page\n"; }
		location = /probe { return 200 "$page\n"; }
		location = /basic {
			auth_basic exporter;
			auth_basic_user_file $dir/users;
			try_files /no @page;
		}
		location = /bearer {
			if (\$http_authorization != "Bearer star") { return 401; }
			return 200 "$page\n";
		}
		location = /labels { return 200 "of{job=\"its own\",instance=\"i\",server=\"\$server_addr\"} 1\nunwanted 1\n"; }
		location @page { return 200 "$page\n"; }
	}
}
EOT
LD_LIBRARY_PATH=${libs#:} "$servers/usr/sbin/nginx" -p "$dir" -c "$dir/nginx.conf" -e "$dir/error.log"

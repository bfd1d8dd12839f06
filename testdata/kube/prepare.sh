#!/bin/sh
# prepare.sh CLUSTER: fill a cluster with the objects of the comparison, start the
# stub, and note what is needed of both. Run it in the cluster.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
"$here/apply.sh" "$here/objects"
kubectl replace --raw /api/v1/namespaces/shop/pods/debugged/ephemeralcontainers \
	-f "$here/debugged.json" >/dev/null
"$here/stub.sh" "$1"
"$here/note.sh" "$1"

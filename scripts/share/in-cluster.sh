# shellcheck shell=sh # a part of the scripts that call kubectl, sourced by them
#
# in_cluster DIR: in a pod, have kubectl be its service account. It is so by itself,
# but not with --request-timeout, or any other such option: it then asks localhost.
# A file in DIR tells it what it would have found. Where there is another
# configuration, or no service account, nothing is done.
# shellcheck disable=SC2153 # it is the other of two
in_cluster() {
	account=/var/run/secrets/kubernetes.io/serviceaccount
	if [ -n "${KUBECONFIG-}" ] || [ -e "${HOME-}/.kube/config" ] ||
		[ -z "${KUBERNETES_SERVICE_HOST-}" ] || [ ! -r "$account/token" ]; then
		return 0
	fi
	case $KUBERNETES_SERVICE_HOST in
	*:*) host="[$KUBERNETES_SERVICE_HOST]" ;;
	*) host=$KUBERNETES_SERVICE_HOST ;;
	esac
	cat >"$1/kubeconfig" <<-END
	apiVersion: v1
	kind: Config
	current-context: pod
	clusters:
	- name: pod
	  cluster: {server: "https://$host:$KUBERNETES_SERVICE_PORT", certificate-authority: $account/ca.crt}
	users:
	- name: pod
	  user: {tokenFile: $account/token}
	contexts:
	- name: pod
	  context: {cluster: pod, user: pod}
	END
	export KUBECONFIG="$1/kubeconfig"
}

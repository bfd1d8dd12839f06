# names.jq: what name service and kube-proxy make of Services ($s) and Endpoints ($e):
# lines for /etc/hosts after "hosts ", and for nft after "nft ". Of the addresses of
# a Service the first one gets all connections.

def names: .metadata | "\(.name).\(.namespace).svc \(.name).\(.namespace).svc.cluster.local \(.name).\(.namespace)";
def endpoints($service): $e[0].items[] |
	select(.metadata.name == $service.metadata.name and .metadata.namespace == $service.metadata.namespace);

"hosts 127.0.0.1 localhost", "hosts 10.1.0.1 kubernetes.default.svc",
"nft flush ruleset", "nft table ip proxy {", "nft chain pre {", "nft type nat hook prerouting priority -100;",
($s[0].items[] | select(.spec.clusterIP // "None" | . != "None") | . as $service | .spec.ports[] | . as $port |
	[endpoints($service).subsets[]? | .addresses[0].ip as $ip | select($ip) |
		.ports[] | select(.name == $port.name) | "\($ip):\(.port)"][0] // empty |
	"nft ip daddr \($service.spec.clusterIP) tcp dport \($port.port) dnat to \(.);"),
"nft }", "nft chain post {", "nft type nat hook postrouting priority 100;",
"nft ct status dnat masquerade;", "nft }", "nft }",
($s[0].items[] | select(.metadata.name != "kubernetes") |
	if .spec.clusterIP == "None" then . as $service | endpoints($service).subsets[]? | .addresses[]? |
		"hosts \(.ip) \($service | names)\(if .hostname then " \(.hostname).\($service.metadata.name).\($service.metadata.namespace).svc" else "" end)"
	elif .spec.clusterIP then "hosts \(.spec.clusterIP) \(names)" else empty end)

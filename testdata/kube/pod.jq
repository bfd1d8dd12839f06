# pod.jq: what nodes.sh needs of a pod, as commands of the shell that write files:
#
#   init, containers   the containers' names, in order
#   C.sh               what the container C runs, a command of the shell
#   C.mounts           SOURCE TARGET [ro], tab-separated
#   volumes.list          KIND VOLUME NAME, tab-separated
#   probes             C KIND PERIOD THRESHOLD WHAT, tab-separated; WHAT is
#                      "http PORT PATH" or "exec COMMAND"
#
# --arg dir, the pod's directory; --arg ip, its address; --arg claims, the directory
# of persistent volumes; --argjson images, see nodes.sh.

def file($name): "printf %s \(@sh) >\("\($dir)/\($name)" | @sh)";
def tsv: map(tostring) | join("\t");
def lines: map(. + "\n") | add // "";

. as $pod |
(.spec.volumes // []) as $volumes |

def field($path):
	if $path == "status.podIP" then $ip
	elif $path == "status.hostIP" then "10.1.0.1"
	else $pod | getpath($path | split(".")) end;
def expand($env):
	gsub("\\$\\((?<n>[A-Za-z_][A-Za-z0-9_.-]*)\\)"; .n as $n | $env[$n] // "$(\($n))");
# Later variables may be made of earlier ones.
def environment: reduce (.env // [])[] as $e ({
		PATH: "/clb/bin:/clb/scripts:/clb/build:/usr/sbin:/usr/bin:/sbin:/bin",
		HOSTNAME: $pod.metadata.name, HOME: "/", LC_ALL: "C.UTF-8",
		KUBERNETES_SERVICE_HOST: "kubernetes.default.svc", KUBERNETES_SERVICE_PORT: "6443"};
	. as $have | .[$e.name] =
		if $e.valueFrom.fieldRef then field($e.valueFrom.fieldRef.fieldPath)
		else $e.value // "" | expand($have) end);
def entrypoint: .image as $image |
	[$images | to_entries[] | select(.key as $re | $image | test($re)) | .value][0] // [];
def run: environment as $env |
	((.command // entrypoint) + (.args // []) | map(expand($env)) | @sh) as $argv |
	"cd \(.workingDir // "/" | @sh) && exec env -i \($env | to_entries |
		map("\(.key)=\(.value)" | @sh) | join(" ")) \($argv)";
def source($m): $volumes[] | select(.name == $m.name) |
	if .persistentVolumeClaim
	then "\($claims)/\($pod.metadata.namespace).\(.persistentVolumeClaim.claimName)"
	else "\($dir)/volumes/\(.name)" end +
	if $m.subPath then "/\($m.subPath)" else "" end;
def mounts: [.volumeMounts[]? | [source(.), .mountPath, if .readOnly then "ro" else "" end] | tsv] | lines;
def account: if $pod.spec.automountServiceAccountToken == false then "" else
	["\($dir)/volumes/.account", "/var/run/secrets/kubernetes.io/serviceaccount", "ro"] | tsv + "\n" end;
def port($p): if $p | type == "number" then $p
	else (.ports // [])[] | select(.name == $p) | .containerPort end;
def probe($kind; $p): select($p) |
	[.name, $kind, $p.periodSeconds // 10, $p.failureThreshold // 3,
		if $p.httpGet then "http \(port($p.httpGet.port)) \($p.httpGet.path // "/")"
		else "exec \($p.exec.command | @sh)" end] | tsv;
def volume: if .configMap then ["configMap", .name, .configMap.name]
	elif .secret then ["secret", .name, .secret.secretName]
	elif .persistentVolumeClaim then ["claim", .name, .persistentVolumeClaim.claimName]
	else ["emptyDir", .name, "-"] end | tsv;

(.spec.initContainers // [] | map(.name) | lines | file("init")),
(.spec.containers | map(.name) | lines | file("containers")),
($volumes | map(volume) | lines | file("volumes.list")),
([.spec.containers[] | probe("ready"; .readinessProbe), probe("live"; .livenessProbe)] |
	lines | file("probes")),
((.spec.initContainers // [])[], .spec.containers[] |
	. as $c | (run + "\n" | file($c.name + ".sh")), (mounts + account | file($c.name + ".mounts")))

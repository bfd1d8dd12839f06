/*
 * The fields of a Prometheus configuration, those of all versions from 2.42 to
 * 3.14 together: a configuration is not refused for a field that its
 * Prometheus knows. since is the version from which on a default is shown.
 */
#include "lib/config_decode.h"

#define N(table) (sizeof(table) / sizeof((table)[0]))
#define V CLB_VERSION

#define STRING(name, def)	{ name, CLB_T_STRING, def, NULL, 0, NULL }
#define TEXT(name)		{ name, CLB_T_STRING, NULL, NULL, 0, NULL }
#define SECRET(name)		{ name, CLB_T_SECRET, NULL, NULL, 0, NULL }
#define PATH(name)		{ name, CLB_T_PATH, NULL, NULL, 0, NULL }
#define URL(name)		{ name, CLB_T_URL, NULL, NULL, 0, NULL }
#define BOOL(name, def, since)	{ name, CLB_T_BOOL, def, NULL, since, NULL }
#define MAYBE(name, since)	{ name, CLB_T_BOOL_OR_UNSET, NULL, NULL, since, NULL }
#define INT(name)		{ name, CLB_T_INT, NULL, NULL, 0, NULL }
#define LIMIT(name, since)	{ name, CLB_T_UINT, "0", NULL, since, NULL }
#define DURATION(name, def)	{ name, CLB_T_DURATION, def, NULL, 0, NULL }
#define STRINGS(name)		{ name, CLB_T_STRINGS, NULL, NULL, 0, NULL }
#define MAP(name, of)		{ name, CLB_T_MAP, NULL, of, 0, NULL }
#define STRUCT(name, of)	{ name, CLB_T_STRUCT, NULL, of, 0, NULL }
#define LIST(name, of, null)	{ name, CLB_T_LIST, NULL, of, 0, null }
#define RULES(name, def, null)	{ name, CLB_T_LIST, def, &schema_rule, 0, null }
#define ANY(name)		{ name, CLB_T_ANY, NULL, NULL, 0, NULL }

static const struct clb_field string_entry[] = { TEXT("a value") };
static const struct clb_schema strings_by_name = { "a map", string_entry, 1, NULL };
static const struct clb_field list_entry[] = { STRINGS("a value") };
static const struct clb_schema lists_by_name = { "a map", list_entry, 1, NULL };
static const struct clb_field secret_entry[] = { { "a value", CLB_T_SECRETS, NULL, NULL, 0, NULL } };
static const struct clb_schema secrets_by_name = { "a map", secret_entry, 1, NULL };

/* ---- http clients ---- */

static const struct clb_field tls_fields[] = {
	TEXT("ca"), TEXT("cert"), SECRET("key"),
	PATH("ca_file"), PATH("cert_file"), PATH("key_file"),
	TEXT("ca_ref"), TEXT("cert_ref"), TEXT("key_ref"),
	TEXT("server_name"), BOOL("insecure_skip_verify", "false", 0),
	{ "min_version", CLB_T_TLS_VERSION, NULL, NULL, 0, NULL },
	{ "max_version", CLB_T_TLS_VERSION, NULL, NULL, 0, NULL },
	STRINGS("next_protos"),
};
static const struct clb_schema schema_tls = {
	"tls_config", tls_fields, N(tls_fields), clb_tls_check
};

#define PROXY_FIELDS \
	URL("proxy_url"), TEXT("no_proxy"), BOOL("proxy_from_environment", "false", V(2, 43)), \
	MAP("proxy_connect_header", &secrets_by_name)

static const struct clb_field basic_auth_fields[] = {
	TEXT("username"), PATH("username_file"), TEXT("username_ref"),
	SECRET("password"), PATH("password_file"), TEXT("password_ref"),
};
static const struct clb_schema schema_basic_auth = {
	"basic_auth", basic_auth_fields, N(basic_auth_fields), NULL
};

static const struct clb_field authorization_fields[] = {
	TEXT("type"), SECRET("credentials"), PATH("credentials_file"), TEXT("credentials_ref"),
};
static const struct clb_schema schema_authorization = {
	"authorization", authorization_fields, N(authorization_fields), NULL
};

static const struct clb_field oauth2_fields[] = {
	TEXT("client_id"), SECRET("client_secret"), PATH("client_secret_file"),
	TEXT("client_secret_ref"), TEXT("client_certificate_key_id"),
	SECRET("client_certificate_key"), PATH("client_certificate_key_file"),
	TEXT("client_certificate_key_ref"), TEXT("grant_type"), TEXT("signature_algorithm"),
	TEXT("iss"), TEXT("audience"), ANY("claims"), STRINGS("scopes"), URL("token_url"),
	MAP("endpoint_params", &strings_by_name), STRUCT("tls_config", &schema_tls), PROXY_FIELDS,
};
static const struct clb_schema schema_oauth2 = {
	"oauth2", oauth2_fields, N(oauth2_fields), NULL
};

static const struct clb_field header_fields[] = {
	STRINGS("values"), { "secrets", CLB_T_SECRETS, NULL, NULL, 0, NULL },
	{ "files", CLB_T_PATHS, NULL, NULL, 0, NULL },
};
static const struct clb_schema schema_header = {
	"http_headers", header_fields, N(header_fields), NULL
};
static const struct clb_field header_entry[] = { STRUCT("a header", &schema_header) };
static const struct clb_schema headers_by_name = { "a map", header_entry, 1, NULL };

#define HTTP_CLIENT_FIELDS(http2) \
	STRUCT("basic_auth", &schema_basic_auth), \
	STRUCT("authorization", &schema_authorization), STRUCT("oauth2", &schema_oauth2), \
	SECRET("bearer_token"), PATH("bearer_token_file"), STRUCT("tls_config", &schema_tls), \
	BOOL("follow_redirects", "true", 0), BOOL("enable_http2", http2, 0), PROXY_FIELDS, \
	MAP("http_headers", &headers_by_name)

static const struct clb_field client_fields[] = { HTTP_CLIENT_FIELDS("true") };
const struct clb_schema clb_schema_http_client = {
	"an HTTP client", client_fields, N(client_fields), clb_http_check
};

/* ---- discovery ---- */

static const struct clb_field group_fields[] = {
	STRINGS("targets"), { "labels", CLB_T_LABELS, NULL, NULL, 0, NULL },
};
const struct clb_schema clb_schema_group = {
	"a target group", group_fields, N(group_fields), NULL
};

static const struct clb_field file_sd_fields[] = {
	{ "files", CLB_T_PATHS, NULL, NULL, 0, NULL }, DURATION("refresh_interval", "5m"),
};
static const struct clb_schema schema_file_sd = {
	"file_sd_configs", file_sd_fields, N(file_sd_fields), clb_file_sd_check
};

static const struct clb_field http_sd_fields[] = {
	URL("url"), DURATION("refresh_interval", "1m"), HTTP_CLIENT_FIELDS("true"),
};
static const struct clb_schema schema_http_sd = {
	"http_sd_configs", http_sd_fields, N(http_sd_fields), clb_http_sd_check
};

static const struct clb_field dns_sd_fields[] = {
	STRINGS("names"), STRING("type", "SRV"), LIMIT("port", 0),
	DURATION("refresh_interval", "30s"),
};
static const struct clb_schema schema_dns_sd = {
	"dns_sd_configs", dns_sd_fields, N(dns_sd_fields), clb_dns_sd_check
};

static const struct clb_field namespaces_fields[] = {
	BOOL("own_namespace", "false", 0), STRINGS("names"),
};
static const struct clb_schema schema_namespaces = {
	"namespaces", namespaces_fields, N(namespaces_fields), NULL
};

static const struct clb_field selector_fields[] = {
	TEXT("role"), TEXT("label"), TEXT("field"),
};
static const struct clb_schema schema_selector = {
	"a selector", selector_fields, N(selector_fields), NULL
};

static const struct clb_field attach_fields[] = {
	BOOL("node", "false", 0), BOOL("namespace", "false", V(3, 6)),
	BOOL("deployment", "false", V(3, 11)), BOOL("job", "false", V(3, 11)),
	BOOL("cronjob", "false", V(3, 11)),
};
static const struct clb_schema schema_attach = {
	"attach_metadata", attach_fields, N(attach_fields), NULL
};

static const struct clb_field kubernetes_sd_fields[] = {
	URL("api_server"), TEXT("role"), PATH("kubeconfig_file"),
	STRUCT("namespaces", &schema_namespaces), LIST("selectors", &schema_selector, NULL),
	STRUCT("attach_metadata", &schema_attach), HTTP_CLIENT_FIELDS("true"),
};
static const struct clb_schema schema_kubernetes_sd = {
	"kubernetes_sd_configs", kubernetes_sd_fields, N(kubernetes_sd_fields),
	clb_kubernetes_sd_check
};

#define NULL_SECTION(name) "empty or null section in " name
#define SD(name, of)	LIST(name "_sd_configs", of, NULL_SECTION(name "_sd_configs"))
#define OTHER_SD(name) \
	{ name "_sd_configs", CLB_T_SD, NULL, NULL, 0, NULL_SECTION(name "_sd_configs") }

#define SD_FIELDS \
	LIST("static_configs", &clb_schema_group, NULL_SECTION("static_configs")), \
	SD("file", &schema_file_sd), SD("http", &schema_http_sd), SD("dns", &schema_dns_sd), \
	SD("kubernetes", &schema_kubernetes_sd), \
	OTHER_SD("aws"), OTHER_SD("azure"), OTHER_SD("consul"), OTHER_SD("digitalocean"), \
	OTHER_SD("docker"), OTHER_SD("dockerswarm"), OTHER_SD("ec2"), OTHER_SD("ecs"), \
	OTHER_SD("elasticache"), OTHER_SD("eureka"), OTHER_SD("gce"), OTHER_SD("hetzner"), \
	OTHER_SD("ionos"), OTHER_SD("kuma"), OTHER_SD("lightsail"), \
	OTHER_SD("linode"), OTHER_SD("marathon"), OTHER_SD("msk"), OTHER_SD("nerve"), \
	OTHER_SD("nomad"), OTHER_SD("oci"), OTHER_SD("openstack"), OTHER_SD("outscale"), \
	OTHER_SD("ovhcloud"), OTHER_SD("puppetdb"), OTHER_SD("rds"), OTHER_SD("scaleway"), \
	OTHER_SD("serverset"), OTHER_SD("stackit"), OTHER_SD("triton"), OTHER_SD("uyuni"), \
	OTHER_SD("vultr")

/* ---- scrape configs ---- */

static const struct clb_field rule_fields[] = {
	{ "source_labels", CLB_T_LABEL_NAMES, "", NULL, 0, NULL },
	STRING("separator", ";"), { "regex", CLB_T_REGEX, "(.*)", NULL, 0, NULL },
	LIMIT("modulus", 0), STRING("target_label", ""), STRING("replacement", "$1"),
	{ "action", CLB_T_ACTION, "replace", NULL, 0, NULL },
};
static const struct clb_schema schema_rule = {
	"a relabel rule", rule_fields, N(rule_fields), NULL
};

#define LIMIT_FIELDS \
	{ "body_size_limit", CLB_T_BYTES, "0B", NULL, 0, NULL }, LIMIT("sample_limit", 0), \
	LIMIT("target_limit", 0), LIMIT("label_limit", 0), \
	LIMIT("label_name_length_limit", 0), LIMIT("label_value_length_limit", 0), \
	LIMIT("keep_dropped_targets", V(2, 47))

#define COMMON_FIELDS \
	DURATION("scrape_interval", NULL), DURATION("scrape_timeout", NULL), \
	{ "scrape_protocols", CLB_T_STRINGS, NULL, NULL, V(2, 49), NULL }, \
	{ "scrape_failure_log_file", CLB_T_PATH, NULL, NULL, V(2, 55), NULL }, \
	{ "metric_name_validation_scheme", CLB_T_STRING, NULL, NULL, V(2, 55), NULL }, \
	{ "metric_name_escaping_scheme", CLB_T_STRING, NULL, NULL, V(3, 4), NULL }, \
	MAYBE("scrape_native_histograms", V(3, 8)), \
	MAYBE("convert_classic_histograms_to_nhcb", V(3, 0)), \
	MAYBE("always_scrape_classic_histograms", V(3, 0)), \
	MAYBE("extra_scrape_metrics", V(3, 10)), LIMIT_FIELDS

static const struct clb_field job_fields[] = {
	TEXT("job_name"), BOOL("honor_labels", "false", 0), BOOL("honor_timestamps", "true", 0),
	BOOL("track_timestamps_staleness", "false", V(2, 48)), COMMON_FIELDS,
	{ "params", CLB_T_MAP, "", &lists_by_name, 0, NULL },
	STRING("metrics_path", "/metrics"), STRING("scheme", "http"),
	BOOL("enable_compression", "true", V(2, 49)), TEXT("fallback_scrape_protocol"),
	MAYBE("scrape_classic_histograms", 0),
	LIMIT("native_histogram_bucket_limit", V(2, 45)),
	{ "native_histogram_min_bucket_factor", CLB_T_FLOAT, "0", NULL, V(2, 50), NULL },
	RULES("relabel_configs", "", "empty or null target relabeling rule in scrape config"),
	RULES("metric_relabel_configs", "", "empty or null metric relabeling rule in scrape config"),
	HTTP_CLIENT_FIELDS("true"), SD_FIELDS,
};
const struct clb_schema clb_schema_job = {
	"a scrape config", job_fields, N(job_fields), clb_job_check
};

#define JOBS \
	LIST("scrape_configs", &clb_schema_job, "empty or null scrape config section")

static const struct clb_field job_list_fields[] = { JOBS };
const struct clb_schema clb_schema_job_list = {
	"a scrape config file", job_list_fields, N(job_list_fields), NULL
};

/* ---- the rest of the file ---- */

static const struct clb_field global_fields[] = {
	COMMON_FIELDS, DURATION("evaluation_interval", NULL), DURATION("rule_query_offset", NULL),
	PATH("query_log_file"), MAP("external_labels", &strings_by_name),
};
static const struct clb_schema schema_global = {
	"global", global_fields, N(global_fields), NULL
};

static const struct clb_field alertmanager_fields[] = {
	HTTP_CLIENT_FIELDS("true"), SD_FIELDS, ANY("sigv4"), TEXT("scheme"), TEXT("path_prefix"),
	DURATION("timeout", NULL), TEXT("api_version"),
	RULES("relabel_configs", NULL, "empty or null Alertmanager target relabeling rule"),
	RULES("alert_relabel_configs", NULL, "empty or null Alertmanager alert relabeling rule"),
};
static const struct clb_schema schema_alertmanager = {
	"an Alertmanager", alertmanager_fields, N(alertmanager_fields), clb_http_check
};

static const struct clb_field alerting_fields[] = {
	RULES("alert_relabel_configs", NULL, "empty or null alert relabeling rule"),
	LIST("alertmanagers", &schema_alertmanager, NULL),
};
static const struct clb_schema schema_alerting = {
	"alerting", alerting_fields, N(alerting_fields), NULL
};

static const struct clb_field queue_fields[] = {
	INT("capacity"), INT("max_shards"), INT("min_shards"), INT("max_samples_per_send"),
	DURATION("batch_send_deadline", NULL), DURATION("min_backoff", NULL),
	DURATION("max_backoff", NULL), BOOL("retry_on_http_429", NULL, 0),
	DURATION("sample_age_limit", NULL), INT("max_retries"),
};
static const struct clb_schema schema_queue = {
	"queue_config", queue_fields, N(queue_fields), NULL
};

static const struct clb_field metadata_fields[] = {
	BOOL("send", NULL, 0), DURATION("send_interval", NULL), INT("max_samples_per_send"),
};
static const struct clb_schema schema_metadata = {
	"metadata_config", metadata_fields, N(metadata_fields), NULL
};

static const struct clb_field remote_write_fields[] = {
	URL("url"), DURATION("remote_timeout", NULL), MAP("headers", &strings_by_name),
	RULES("write_relabel_configs", NULL, "empty or null relabeling rule in remote write config"),
	TEXT("name"), BOOL("send_exemplars", NULL, 0), BOOL("send_native_histograms", NULL, 0),
	BOOL("round_robin_dns", NULL, 0), TEXT("protobuf_message"), HTTP_CLIENT_FIELDS("false"),
	STRUCT("queue_config", &schema_queue), STRUCT("metadata_config", &schema_metadata),
	ANY("sigv4"), ANY("azuread"), ANY("google_iam"),
};
static const struct clb_schema schema_remote_write = {
	"remote_write", remote_write_fields, N(remote_write_fields), clb_http_check
};

static const struct clb_field remote_read_fields[] = {
	URL("url"), DURATION("remote_timeout", NULL), LIMIT("chunked_read_limit", 0),
	MAP("headers", &strings_by_name), BOOL("read_recent", NULL, 0), TEXT("name"),
	HTTP_CLIENT_FIELDS("true"),
	{ "required_matchers", CLB_T_LABELS, NULL, NULL, 0, NULL },
	BOOL("filter_external_labels", NULL, 0),
};
static const struct clb_schema schema_remote_read = {
	"remote_read", remote_read_fields, N(remote_read_fields), clb_http_check
};

static const struct clb_field config_fields[] = {
	STRUCT("global", &schema_global), ANY("runtime"), STRUCT("alerting", &schema_alerting),
	STRINGS("rule_files"), STRINGS("scrape_config_files"), JOBS, ANY("storage"),
	ANY("tracing"),
	LIST("remote_write", &schema_remote_write, "empty or null remote write config section"),
	LIST("remote_read", &schema_remote_read, "empty or null remote read config section"),
	ANY("otlp"),
};
const struct clb_schema clb_schema_config = {
	"a Prometheus configuration", config_fields, N(config_fields), NULL
};

#ifndef CLB_CONFIG_H
#define CLB_CONFIG_H

/*
 * Scrape configs from YAML, checked as Prometheus checks them, every default
 * filled in, with the place of whatever can be wrong later.
 *
 * All that a configuration holds lives until clb_config_release.
 */
#include <jansson.h>

#include "lib/compat.h"
#include "lib/labels.h"
#include "lib/target.h"

/* Where something stands: for messages, and for --dropped. */
struct clb_place {
	const char *file;
	unsigned line, column;	/* from 1 */
};

enum clb_action {
	CLB_REPLACE, CLB_KEEP, CLB_DROP, CLB_KEEPEQUAL, CLB_DROPEQUAL,
	CLB_HASHMOD, CLB_LOWERCASE, CLB_UPPERCASE, CLB_LABELMAP,
	CLB_LABELDROP, CLB_LABELKEEP
};

/* The name of an action, as it is written in a configuration. */
const char *clb_action_name(enum clb_action action);

/* A relabel rule whose fields are checked; the regex compiles. */
struct clb_rule {
	enum clb_action action;
	struct clb_str *source;
	size_t nsource;
	struct clb_str separator, regex, target_label, replacement;
	uint64_t modulus;
	int legacy_names;	/* the job's, where the version looks at it (3.7 and later) */
	struct clb_place place;
};

/* A query parameter: its name, and its values in order (there may be none). */
struct clb_param {
	struct clb_str name;
	struct clb_str *value;
	size_t n;
};

/* How to speak to an HTTP server; a NULL string is not configured. */
struct clb_http_client {
	char *username, *username_file, *password, *password_file;	/* basic_auth */
	/* authorization, bearer_token*: the type is there whenever one of them is */
	char *auth_type, *credentials, *credentials_file;
	char *ca, *ca_file, *cert, *cert_file, *key, *key_file, *server_name;
	char *min_version, *max_version;	/* TLS10 … TLS13 */
	int insecure_skip_verify;
	char *proxy_url, *no_proxy;
	int proxy_from_environment;
	struct clb_label *header;	/* http_headers: name and value, in order */
	size_t nheader;
	int follow_redirects, enable_http2;
};

enum clb_sd_kind {
	CLB_SD_STATIC, CLB_SD_FILE, CLB_SD_HTTP, CLB_SD_DNS, CLB_SD_KUBERNETES
};
enum clb_dns_type { CLB_DNS_A, CLB_DNS_AAAA, CLB_DNS_SRV, CLB_DNS_MX, CLB_DNS_NS };

/* Kinds of Kubernetes objects. The first six are the roles of kubernetes_sd_configs. */
enum clb_kube_kind {
	CLB_KUBE_NODE, CLB_KUBE_POD, CLB_KUBE_SERVICE, CLB_KUBE_ENDPOINTS,
	CLB_KUBE_ENDPOINTSLICE, CLB_KUBE_INGRESS,
	CLB_KUBE_NAMESPACE, CLB_KUBE_REPLICASET, CLB_KUBE_JOB
};
#define CLB_KUBE_ROLES 6
#define CLB_KUBE_KINDS 9

/* attach_metadata */
enum {
	CLB_KUBE_ATTACH_NODE = 1, CLB_KUBE_ATTACH_NAMESPACE = 2,
	CLB_KUBE_ATTACH_DEPLOYMENT = 4, CLB_KUBE_ATTACH_JOB = 8, CLB_KUBE_ATTACH_CRONJOB = 16
};

/*
 * An entry of kubernetes_sd_configs. How to reach the API server is not here:
 * that is for whoever fills the mirror.
 */
struct clb_kube_sd {
	enum clb_kube_kind role;
	unsigned attach;		/* CLB_KUBE_ATTACH_… */
	struct clb_str *ns;		/* namespaces.names */
	size_t nns;
	int own_namespace;
	/* What each kind is selected by, as written; empty: everything. */
	struct clb_str label_selector[CLB_KUBE_KINDS], field_selector[CLB_KUBE_KINDS];
};

/* One entry of a job's *_sd_configs, or all of its static_configs. */
struct clb_sd {
	enum clb_sd_kind kind;
	struct clb_place place;
	int64_t refresh_interval_ms;
	struct clb_group *group;	/* static: the groups, in order */
	size_t ngroup;
	char **name;			/* file: patterns, absolutised; dns: names */
	size_t nname;
	char *url;			/* http */
	struct clb_http_client client;	/* http */
	enum clb_dns_type type;		/* dns */
	unsigned port;			/* dns; 0 with SRV */
	struct clb_kube_sd kube;	/* kubernetes */
};

/* A scrape config, in the parts that discovery and relabelling need. */
struct clb_job {
	struct clb_str name;
	struct clb_place place;
	struct clb_str scrape_interval, scrape_timeout;	/* as Prometheus writes them: "1m30s" */
	struct clb_str scheme, metrics_path;
	struct clb_param *param;	/* sorted by name */
	size_t nparam;
	int convert_classic_histograms_to_nhcb, always_scrape_classic_histograms,
	    scrape_native_histograms;
	uint64_t target_limit;		/* 0: none */
	struct clb_sd *sd;		/* static_configs first, then file, http, dns, kubernetes */
	size_t nsd;
	struct clb_rule *rule;		/* relabel_configs */
	size_t nrule;
	json_t *doc;			/* every field, defaults filled in; secrets as they are */
	const struct clb_yaml_node *node;	/* as it is written, */
	const struct clb_yaml_node *config;	/* and the configuration that it is of; NULL: a list */
	const char *dir;		/* of its file, as scrape_config_files has it; NULL: not from there */
};

struct clb_config {
	struct clb_job *job;		/* in the order of the files */
	size_t njob;
	char **file;			/* files read: the configuration, then scrape_config_files */
	size_t nfile;
	char **file_pattern;		/* scrape_config_files, absolutised */
	size_t nfile_pattern;
	int compat;
	struct clb_yaml *yaml;		/* the documents, where messages' places point into */
	size_t nyaml;
	struct clb_buf text;		/* the configuration's bytes */
	struct clb_arena arena;
};

struct clb_config_options {
	int compat;			/* CLB_VERSION(…) */
	int skip_unsupported_sd;	/* warn instead of refusing */
	/*
	 * Relative paths start at base, or stay as they are where that is NULL:
	 * for who hands them on. Those of scrape_config_files are found nevertheless.
	 */
	int keep_paths;
	const char *base;
	int vmagent;	/* %{NAME} in a URL is a variable, which is not looked into */
	/* Called for each warning: place and text, one line. NULL: none. */
	void (*warn)(const char *text);
};

/*
 * Read the configuration at path: a Prometheus configuration, an OpenTelemetry
 * collector's (every prometheus receiver in it), or a bare list of scrape
 * configs. Relative paths in it are relative to its directory.
 *
 * Returns 0, or -1 with e set: EX_NOINPUT (cannot be read), EX_CONFIG (at
 * file:line:column). c is to be released in either case.
 */
int clb_config_load(struct clb_config *c, const char *path,
    const struct clb_config_options *o, struct clb_err *e);

/* The same for the n bytes at text, as if they were read at path. */
int clb_config_parse(struct clb_config *c, const char *path, const char *text, size_t n,
    const struct clb_config_options *o, struct clb_err *e);
void clb_config_release(struct clb_config *c);

/* Append all of the file at path. Returns 0, or -1 with e set (EX_NOINPUT). */
int clb_config_read_file(struct clb_buf *b, const char *path, struct clb_err *e);

/* The job of that name, borrowed, or NULL. */
const struct clb_job *clb_config_job(const struct clb_config *c, struct clb_str name);

/*
 * Append the paths that the targets depend on, one a line, sorted, each once:
 * the files read, what the patterns of file_sd match, and the directories in
 * which those patterns and those of scrape_config_files look for more.
 */
void clb_config_files(const struct clb_config *c, struct clb_buf *out);

/*
 * {"scrape_configs":[…]} with every default filled in and every secret shown
 * as "<secret>". Returns a new reference.
 */
json_t *clb_config_show(const struct clb_config *c);

#endif

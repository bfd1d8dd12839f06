#ifndef CLB_CONFIG_DECODE_H
#define CLB_CONFIG_DECODE_H

/*
 * From YAML nodes to typed values, by tables: what config*.c share. A schema
 * says which fields a mapping has; decoding follows go-yaml v2 in strict mode,
 * as Prometheus does: unknown and repeated keys are errors, null is the zero
 * value of its type, a merge key counts where it stands.
 *
 * Values and what they hold live in the decoder's arena and in the YAML tree.
 */
#include <jansson.h>

#include "lib/config.h"
#include "lib/target.h"
#include "lib/yaml.h"

enum clb_type {
	CLB_T_STRING, CLB_T_SECRET, CLB_T_PATH, CLB_T_URL,
	CLB_T_BOOL, CLB_T_BOOL_OR_UNSET,	/* the second: null means unset */
	CLB_T_INT, CLB_T_UINT, CLB_T_FLOAT, CLB_T_DURATION, CLB_T_BYTES,
	CLB_T_TLS_VERSION, CLB_T_REGEX, CLB_T_ACTION,
	CLB_T_STRINGS, CLB_T_SECRETS, CLB_T_PATHS, CLB_T_LABEL_NAMES,	/* lists */
	CLB_T_LABELS,				/* label names to strings */
	CLB_T_MAP,				/* any text to what sub's only field is */
	CLB_T_STRUCT,				/* sub's fields */
	CLB_T_LIST,				/* of sub's structures */
	CLB_T_SD,				/* like a list: discovery that is not supported */
	CLB_T_ANY				/* not looked into */
};

struct clb_schema;

struct clb_field {
	const char *name;
	enum clb_type type;
	const char *def;		/* its default, as text; NULL: absent */
	const struct clb_schema *sub;
	int since;			/* the version that shows the default; 0: all */
	const char *null_item;		/* list: the message for a null in it; NULL: allowed */
};

struct clb_decode;
struct clb_value;

struct clb_schema {
	const char *what;		/* "a scrape config" */
	const struct clb_field *field;
	size_t n;
	/* Looks at a structure once it is read; may change it. NULL: nothing to see. */
	int (*check)(struct clb_decode *d, struct clb_value *v);
};

struct clb_value {
	const struct clb_field *field;
	const struct clb_yaml_node *node;	/* where it is given; NULL: it is not */
	int present;			/* given and not null, or a default */
	const struct clb_yaml_node *key_node;
	struct clb_str key;		/* of a map's entry */
	struct clb_str str;		/* as text; of durations and bytes too */
	uint64_t u;			/* bool, unsigned, duration in ms, bytes, action */
	int64_t i;
	double f;
	/* A list of texts has n texts, a list of structures n items, a map n entries
	 * sorted by key, a structure a value for each of its schema's n fields. */
	struct clb_str *text;
	struct clb_value *item;
	size_t n;
};

struct clb_decode {
	struct clb_arena *arena;
	const char *file;		/* for messages */
	const char *dir;		/* that relative paths start at; NULL: leave them */
	int compat;
	int legacy_names;		/* label names must be those of Prometheus 2 */
	int otel;			/* the configuration of a collector's receiver */
	int vmagent;			/* of vmagent: %{NAME} is a variable */
	void (*warn)(const char *text);	/* NULL: warnings are not wanted */
	int status;			/* of failures */
	struct clb_err *e;
};

/*
 * Decode n into v, which is zero but for its field or was decoded before: a
 * second decoding of a structure overlays the first. Returns 0, or -1 with
 * d->e set.
 */
int clb_decode(struct clb_decode *d, const struct clb_yaml_node *n, struct clb_value *v);

/* Give v, zero but for its field, the field's default. */
void clb_decode_default(struct clb_decode *d, struct clb_value *v);

/* Record a failure at n. Returns -1. */
int clb_decode_fail(struct clb_decode *d, const struct clb_yaml_node *n, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* Warn of something at n. */
void clb_decode_warn(struct clb_decode *d, const struct clb_yaml_node *n, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* The value of a structure's field, which exists. */
struct clb_value *clb_value_get(const struct clb_value *v, const char *name);

/* 1 if the structure's field is given a text that is not empty. */
int clb_value_has(const struct clb_value *v, const char *name);

/* The node to blame for v: its own, or that of what holds it. */
const struct clb_yaml_node *clb_value_node(const struct clb_value *v,
    const struct clb_value *holder);

/* Set a text, as if it were written in the file. */
void clb_value_set(struct clb_value *v, struct clb_str s);

/* v as JSON: a new reference, or NULL if v is absent. */
json_t *clb_value_json(const struct clb_decode *d, const struct clb_value *v);

/* A copy of doc, which the schema made, with secrets as "<secret>": a new reference. */
json_t *clb_show_masked(const struct clb_schema *schema, json_t *doc);
/* The same of a URL, in which the password is the secret. */
json_t *clb_show_masked_url(json_t *url);

/*
 * Look at a URL as Go's net/url does. Returns NULL, or what is wrong with it.
 * scheme and host are parts of s, empty where absent; NULL: not asked for.
 */
const char *clb_url_check(struct clb_str s, struct clb_str *scheme, struct clb_str *host);

/* The text with something in place of the variables that the decoder is to pass over. */
struct clb_str clb_without_variables(const struct clb_decode *d, struct clb_str s);

/* Units like 10MB or 1KiB, in which 1K is 1024. Returns 0 or -1. */
int clb_bytes_parse(struct clb_str s, uint64_t *bytes);

/* ---- the tables ---- */

extern const struct clb_schema clb_schema_config, clb_schema_job, clb_schema_job_list,
    clb_schema_group, clb_schema_http_client;

/* ---- the parts of a scrape config ---- */

int clb_job_check(struct clb_decode *d, struct clb_value *v);
/*
 * Make a job of the scrape config v: what it inherits from global, the checks
 * that need that, and every part. Returns 0, or -1 with d->e set.
 */
int clb_job_fill(struct clb_decode *d, struct clb_job *job, struct clb_value *v,
    const struct clb_value *global, int skip_unsupported_sd);
/* The checks of global, and what is left out there. v may be absent. */
int clb_global_fill(struct clb_decode *d, struct clb_value *v);

/* The conflicts of an http client's fields (a job's, an SD block's). */
int clb_http_check(struct clb_decode *d, struct clb_value *v);
int clb_tls_check(struct clb_decode *d, struct clb_value *v);
/* Fill c from the client's fields among v's. Fails where clb cannot do it. */
int clb_http_fill(struct clb_decode *d, struct clb_http_client *c, const struct clb_value *v);

int clb_file_sd_check(struct clb_decode *d, struct clb_value *v);
int clb_http_sd_check(struct clb_decode *d, struct clb_value *v);
int clb_dns_sd_check(struct clb_decode *d, struct clb_value *v);
int clb_kubernetes_sd_check(struct clb_decode *d, struct clb_value *v);
/* Fill the block of kubernetes_sd_configs v, which was checked. */
void clb_kubernetes_sd_fill(struct clb_kube_sd *k, const struct clb_value *v);

/*
 * The first of the http client's fields among v's that is not as if it were
 * left out, or NULL. clb_http_check has been there.
 */
const struct clb_value *clb_http_custom(const struct clb_value *v);

struct clb_place clb_place_of(const struct clb_decode *d, const struct clb_yaml_node *n);

/*
 * Fill the job's sd from the SD sections of the scrape config v. Sections that
 * are not supported are an error, or warned of and hidden in v.
 */
int clb_sd_fill(struct clb_decode *d, struct clb_job *job, const struct clb_value *v,
    int skip_unsupported);

/* A group's targets and labels, decoded, into g. */
void clb_group_fill(struct clb_group *g, const struct clb_value *v);

/*
 * Check the list of rules v as Prometheus does, legacy_names being the job's,
 * and take from each the fields that its action may not have.
 */
int clb_rules_check(struct clb_decode *d, const struct clb_value *v, int legacy_names);
/* The list of rules v as an array of v->n rules. */
struct clb_rule *clb_rules_fill(struct clb_decode *d, const struct clb_value *v,
    int legacy_names);

/*
 * Expand environment variables in every text below n as the OpenTelemetry
 * collector does: ${env:NAME}, ${env:NAME:-default}, ${NAME}; $$ is $.
 */
int clb_otel_expand(struct clb_decode *d, struct clb_yaml_node *n);

/* path in dir, cleaned, as Go's filepath.Join; an absolute or empty path stays. */
struct clb_str clb_path_join(struct clb_arena *a, const char *dir, struct clb_str path);
/* The cleaned directory part of path: new, for the caller to free. */
char *clb_path_dir(const char *path);

/*
 * Decode a target group of a file_sd document, {targets, labels}, as strictly
 * as in static_configs. g is emptied first; its strings live as long as the
 * node and a. name is what messages call the document, status what they carry.
 * Returns 0, or -1 with e set, for a null group too.
 */
int clb_group_decode_yaml(struct clb_group *g, struct clb_arena *a, const char *name,
    const struct clb_yaml_node *n, int legacy_names, int status, struct clb_err *e);

#endif

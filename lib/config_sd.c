/* The *_sd_configs of a scrape config: their checks, and what discovery needs. */
#include <stdlib.h>

#include "lib/config_decode.h"
#include "lib/utf8.h"

static struct clb_str
item_text(const struct clb_yaml_node *n)
{
	return clb_yaml_is_null(n) ? CLB_STR("") : n->text;
}

/* A discoverer that refreshes every 0 s makes Prometheus panic. */
static int
check_refresh(struct clb_decode *d, const struct clb_value *v)
{
	const struct clb_value *f = clb_value_get(v, "refresh_interval");

	if (f->u != 0)
		return 0;
	return clb_decode_fail(d, clb_value_node(f, v), "refresh_interval must not be 0");
}

/* The last path segment alone may have a star, and the extension says how to read. */
static int
is_file_pattern(struct clb_str s)
{
	static const char *const exts[] = { ".json", ".yml", ".yaml", ".JSON", ".YML", ".YAML" };
	const char *star = s.n != 0 ? memchr(s.s, '*', s.n) : NULL;
	size_t i, n;

	if (star != NULL && memchr(star, '/', (size_t)(s.s + s.n - star)) != NULL)
		return 0;
	for (i = 0; i < sizeof(exts) / sizeof(exts[0]); i++) {
		n = strlen(exts[i]);
		if (s.n >= n && memcmp(s.s + s.n - n, exts[i], n) == 0)
			return memchr(s.s, '\n', s.n) == NULL;
	}
	return 0;
}

int
clb_file_sd_check(struct clb_decode *d, struct clb_value *v)
{
	const struct clb_value *files = clb_value_get(v, "files");

	if (files->n == 0)
		return clb_decode_fail(d, clb_value_node(files, v),
		    "file service discovery config must contain at least one path name");
	for (size_t i = 0; i < files->n; i++) {
		const struct clb_yaml_node *n = files->node->child[i];
		struct clb_str s = item_text(n);

		if (!is_file_pattern(s))
			return clb_decode_fail(d, n,
			    "path name \"%.*s\" is not valid for file discovery", (int)s.n, s.s);
	}
	return check_refresh(d, v);
}

int
clb_http_sd_check(struct clb_decode *d, struct clb_value *v)
{
	const struct clb_value *url = clb_value_get(v, "url");
	const struct clb_yaml_node *n = clb_value_node(url, v);
	struct clb_str scheme, host;

	if (url->str.n == 0)
		return clb_decode_fail(d, n, "URL is missing");
	clb_url_check(clb_without_variables(d, url->str), &scheme, &host);
	if (!(scheme.n == 4 && strncasecmp(scheme.s, "http", 4) == 0) &&
	    !(scheme.n == 5 && strncasecmp(scheme.s, "https", 5) == 0))
		return clb_decode_fail(d, n, "URL scheme must be 'http' or 'https'");
	if (host.n == 0)
		return clb_decode_fail(d, n, "host is missing in URL");
	return check_refresh(d, v) == -1 ? -1 : clb_http_check(d, v);
}

static const struct {
	struct clb_str name;
	enum clb_dns_type type;
} dns_types[] = {
	{ CLB_STR_INIT("A"), CLB_DNS_A }, { CLB_STR_INIT("AAAA"), CLB_DNS_AAAA },
	{ CLB_STR_INIT("SRV"), CLB_DNS_SRV }, { CLB_STR_INIT("MX"), CLB_DNS_MX },
	{ CLB_STR_INIT("NS"), CLB_DNS_NS },
};
#define NDNS (sizeof(dns_types) / sizeof(dns_types[0]))

int
clb_dns_sd_check(struct clb_decode *d, struct clb_value *v)
{
	const struct clb_value *names = clb_value_get(v, "names");
	const struct clb_value *port = clb_value_get(v, "port");
	struct clb_value *type = clb_value_get(v, "type");
	size_t i;

	if (names->n == 0)
		return clb_decode_fail(d, clb_value_node(names, v),
		    "DNS-SD config must contain at least one SRV record name");
	type->str = clb_utf8_upper(type->str, d->arena);
	for (i = 0; i < NDNS && !clb_str_eq(type->str, dns_types[i].name); i++)
		;
	if (i == NDNS)
		return clb_decode_fail(d, clb_value_node(type, v),
		    "invalid DNS-SD records type %.*s", (int)type->str.n, type->str.s);
	if (dns_types[i].type != CLB_DNS_SRV && port->u == 0)
		return clb_decode_fail(d, clb_value_node(port, v),
		    "a port is required in DNS-SD configs for all record types except SRV");
	if (port->u > UINT32_MAX)
		return clb_decode_fail(d, port->node, "port is too large");
	return check_refresh(d, v);
}

/* ---- what discovery needs ---- */

void
clb_group_fill(struct clb_group *g, const struct clb_value *v)
{
	const struct clb_value *targets = clb_value_get(v, "targets");
	const struct clb_value *labels = clb_value_get(v, "labels");

	if (targets->n > g->cap) {
		g->cap = targets->n;
		g->target = clb_xreallocarray(g->target, g->cap, sizeof(*g->target));
	}
	if (targets->n != 0)
		memcpy(g->target, targets->text, targets->n * sizeof(*g->target));
	g->n = targets->n;
	for (size_t i = 0; i < labels->n; i++)
		if (labels->item[i].str.n != 0)
			clb_labels_add(&g->labels, labels->item[i].key, labels->item[i].str);
}

int
clb_group_decode_yaml(struct clb_group *g, struct clb_arena *a, const char *name,
    const struct clb_yaml_node *n, int legacy_names, int status, struct clb_err *e)
{
	static const struct clb_field field = { .name = "a target group", .type = CLB_T_STRUCT,
	    .sub = &clb_schema_group };
	struct clb_decode d = { .arena = a, .file = name, .legacy_names = legacy_names,
	    .status = status, .e = e };
	struct clb_value v = { .field = &field };

	g->n = 0;
	clb_labels_clear(&g->labels);
	if (clb_yaml_is_null(n))
		return clb_decode_fail(&d, n, "nil target group item found");
	if (clb_decode(&d, n, &v) == -1)
		return -1;
	clb_group_fill(g, &v);
	return 0;
}

static char **
strings(struct clb_decode *d, const struct clb_value *list)
{
	char **s = clb_arena_alloc(d->arena, list->n * sizeof(*s) + 1);

	for (size_t i = 0; i < list->n; i++)
		s[i] = (char *)clb_arena_str(d->arena, list->text[i].s, list->text[i].n).s;
	return s;
}

static void
fill_refresh(struct clb_sd *sd, const struct clb_value *v)
{
	sd->refresh_interval_ms = (int64_t)clb_value_get(v, "refresh_interval")->u;
}

static int
fill_file(struct clb_decode *d, struct clb_sd *sd, const struct clb_value *v)
{
	const struct clb_value *files = clb_value_get(v, "files");

	sd->kind = CLB_SD_FILE;
	fill_refresh(sd, v);
	sd->name = strings(d, files);
	sd->nname = files->n;
	return 0;
}

static int
fill_http(struct clb_decode *d, struct clb_sd *sd, const struct clb_value *v)
{
	struct clb_str url = clb_value_get(v, "url")->str;

	sd->kind = CLB_SD_HTTP;
	fill_refresh(sd, v);
	sd->url = (char *)clb_arena_str(d->arena, url.s, url.n).s;
	return clb_http_fill(d, &sd->client, v);
}

static int
fill_dns(struct clb_decode *d, struct clb_sd *sd, const struct clb_value *v)
{
	const struct clb_value *names = clb_value_get(v, "names");
	struct clb_str type = clb_value_get(v, "type")->str;

	sd->kind = CLB_SD_DNS;
	fill_refresh(sd, v);
	sd->name = strings(d, names);
	sd->nname = names->n;
	for (size_t i = 0; i < NDNS; i++)
		if (clb_str_eq(type, dns_types[i].name))
			sd->type = dns_types[i].type;
	if (sd->type != CLB_DNS_SRV)
		sd->port = (unsigned)clb_value_get(v, "port")->u;
	return 0;
}

static int
fill_kubernetes(struct clb_decode *d, struct clb_sd *sd, const struct clb_value *v)
{
	(void)d;
	sd->kind = CLB_SD_KUBERNETES;
	clb_kubernetes_sd_fill(&sd->kube, v);
	return 0;
}

static const struct {
	const char *section;
	int (*fill)(struct clb_decode *d, struct clb_sd *sd, const struct clb_value *v);
} mechanisms[] = {
	{ "file_sd_configs", fill_file }, { "http_sd_configs", fill_http },
	{ "dns_sd_configs", fill_dns }, { "kubernetes_sd_configs", fill_kubernetes },
};
#define NMECHANISMS (sizeof(mechanisms) / sizeof(mechanisms[0]))

/* All static_configs are one block. */
static void
fill_static(struct clb_decode *d, struct clb_sd *sd, const struct clb_value *v)
{
	sd->kind = CLB_SD_STATIC;
	sd->place = clb_place_of(d, v->node);
	sd->ngroup = v->n;
	sd->group = clb_arena_alloc(d->arena, v->n * sizeof(*sd->group));
	memset(sd->group, 0, v->n * sizeof(*sd->group));
	for (size_t i = 0; i < v->n; i++)
		clb_group_fill(&sd->group[i], &v->item[i]);
}

static int
check_unsupported(struct clb_decode *d, const struct clb_job *job, struct clb_value *f, int skip)
{
	static const char text[] = "job '%.*s': %s is not supported%s";

	if (f->field->type != CLB_T_SD || f->n == 0)
		return 0;
	if (!skip)
		return clb_decode_fail(d, f->node, text, (int)job->name.n, job->name.s,
		    f->field->name, "");
	clb_decode_warn(d, f->node, text, (int)job->name.n, job->name.s, f->field->name,
	    "; its targets are missing");
	f->present = 0;
	return 0;
}

int
clb_sd_fill(struct clb_decode *d, struct clb_job *job, const struct clb_value *v,
    int skip_unsupported)
{
	const struct clb_value *fixed = clb_value_get(v, "static_configs");
	size_t n = fixed->n != 0;

	for (size_t i = 0; i < v->n; i++)
		if (check_unsupported(d, job, &v->item[i], skip_unsupported) == -1)
			return -1;
	for (size_t k = 0; k < NMECHANISMS; k++)
		n += clb_value_get(v, mechanisms[k].section)->n;
	job->sd = clb_arena_alloc(d->arena, n * sizeof(*job->sd) + 1);
	memset(job->sd, 0, n * sizeof(*job->sd));
	if (fixed->n != 0)
		fill_static(d, &job->sd[job->nsd++], fixed);
	for (size_t k = 0; k < NMECHANISMS; k++) {
		const struct clb_value *list = clb_value_get(v, mechanisms[k].section);

		for (size_t i = 0; i < list->n; i++) {
			struct clb_sd *sd = &job->sd[job->nsd++];

			sd->place = clb_place_of(d, list->item[i].node);
			if (mechanisms[k].fill(d, sd, &list->item[i]) == -1)
				return -1;
		}
	}
	return 0;
}

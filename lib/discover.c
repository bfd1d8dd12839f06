#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "lib/cache.h"
#include "lib/discover.h"
#include "lib/dns.h"
#include "lib/glob.h"
#include "lib/groups.h"
#include "lib/http.h"
#include "lib/kube_mirror.h"

/* A network source's exchange: one for each http_sd block and each dns_sd name. */
struct exchange {
	const struct clb_job *job;
	const struct clb_sd *sd;
	size_t name;		/* dns: index of the name in the block */
	char *key;
	int fd;			/* the answer, or -1 */
	struct clb_err err;	/* why there is none */
};

struct discovery {
	const struct clb_config *config;
	const struct clb_discover_options *o;
	struct clb_out *out;
	struct clb_cache cache;
	int caching;
	struct exchange *exchange;
	size_t nexchange, next_exchange;
	uint64_t targets;
	struct clb_kube_mirror *mirror;	/* NULL: there is none */
	struct clb_labels labels;	/* of the group being written */
	struct clb_labels all;		/* and with those of one target */
	struct clb_buf param_name;
};

static void
warn(struct discovery *d, const char *what, const struct clb_err *e)
{
	struct clb_buf b = { NULL, 0, 0 };

	if (d->o->warn == NULL)
		return;
	clb_buf_printf(&b, "%s; %s", e->msg, what);
	clb_buf_addc(&b, '\0');
	d->o->warn(b.p);
	clb_buf_release(&b);
}

/* ---- a group's targets ---- */

static void
set_default(struct clb_labels *ls, struct clb_str name, struct clb_str value)
{
	if (clb_labels_get(ls, name).n == 0)
		clb_labels_set(ls, name, value);
}

/*
 * Prometheus 2 lets the configured parameter win over a label, and deletes the
 * label where the parameter's first value is empty; 3 lets the label win.
 */
static void
set_params(struct discovery *d, const struct clb_job *job, struct clb_labels *ls,
    struct clb_arena *a)
{
	for (size_t i = 0; i < job->nparam; i++) {
		const struct clb_param *p = &job->param[i];
		struct clb_str name;

		if (p->n == 0)
			continue;
		d->param_name.n = 0;
		clb_buf_adds(&d->param_name, "__param_");
		clb_buf_add(&d->param_name, p->name.s, p->name.n);
		name = clb_arena_str(a, d->param_name.p, d->param_name.n);
		if (d->config->compat < CLB_VERSION(3, 0))
			clb_labels_set(ls, name, p->value[0]);
		else
			set_default(ls, name, p->value[0]);
	}
}

static void
set_histogram_labels(const struct clb_job *job, struct clb_labels *ls)
{
	const struct clb_str boolean[] = { CLB_STR_INIT("false"), CLB_STR_INIT("true") };

	set_default(ls, CLB_STR("__convert_classic_histograms_to_nhcb__"),
	    boolean[job->convert_classic_histograms_to_nhcb != 0]);
	set_default(ls, CLB_STR("__always_scrape_classic_histograms__"),
	    boolean[job->always_scrape_classic_histograms != 0]);
	set_default(ls, CLB_STR("__scrape_native_histograms__"),
	    boolean[job->scrape_native_histograms != 0]);
}

/* The target's labels: those of its group, its own and its address. */
static void
set_target(struct discovery *d, struct clb_target *t, const struct clb_group *g, size_t i)
{
	struct clb_labels *ls = &d->labels;

	if (g->own != NULL) {
		clb_labels_overlay(&d->all, ls, g->own[i].label, g->own[i].n);
		ls = &d->all;
		t->node = g->own[i].node;
		t->zone = g->own[i].zone;
	}
	clb_labels_set(ls, CLB_STR("__address__"), g->target[i]);
	t->labels = *ls;
}

/*
 * Write the group's targets. All that they share is put together once; what
 * differs is filled in. meta is the label that says which source
 * this is (its value empty: none); it wins over the group's own.
 */
static int
write_group(struct discovery *d, const struct clb_job *job, const struct clb_group *g,
    const struct clb_label *meta, struct clb_err *e)
{
	struct clb_target t = { .job = job->name };
	struct clb_labels *ls = &d->labels;
	struct clb_arena a = { NULL, NULL };
	int rc = 0;

	clb_labels_copy(ls, &g->labels);
	if (meta->value.n != 0)
		clb_labels_set(ls, meta->name, meta->value);
	set_default(ls, CLB_STR("job"), job->name);
	set_default(ls, CLB_STR("__scrape_interval__"), job->scrape_interval);
	set_default(ls, CLB_STR("__scrape_timeout__"), job->scrape_timeout);
	set_default(ls, CLB_STR("__metrics_path__"), job->metrics_path);
	set_default(ls, CLB_STR("__scheme__"), job->scheme);
	if (d->config->compat >= CLB_VERSION(3, 13))
		set_histogram_labels(job, ls);
	set_params(d, job, ls, &a);
	for (size_t i = 0; i < g->n && rc == 0; i++) {
		set_target(d, &t, g, i);
		clb_target_json(&d->out->buf, &t);
		rc = clb_out_record(d->out, e);
		if ((++d->targets & 0xfff) == 0 && d->o->progress != NULL)
			d->o->progress(d->targets);
	}
	clb_arena_release(&a);
	return rc;
}

static int
write_groups(struct discovery *d, const struct clb_job *job, struct clb_groups *groups,
    const struct clb_label *meta, struct clb_err *e)
{
	int rc;

	while ((rc = clb_groups_next(groups, e)) == 1)
		if (write_group(d, job, &groups->group, meta, e) == -1)
			return -1;
	return rc;
}

/* ---- sources that are documents ---- */

/* How a source is read and kept. */
struct source {
	const struct clb_job *job;
	const char *name;	/* what messages call it */
	struct clb_cache_key key;
	struct clb_label meta;
	int yaml;
};

/* Go through the document to its end, writing its targets or only checking it. */
static int
read_document(struct discovery *d, const struct source *s, int fd, int writing,
    struct clb_err *e)
{
	struct clb_groups g;
	int rc;

	clb_groups_init(&g, fd, s->name, s->yaml, d->config->compat < CLB_VERSION(3, 0));
	rc = clb_groups_rewind(&g, e);
	if (rc == 0)
		rc = writing ? write_groups(d, s->job, &g, &s->meta, e) :
		    clb_groups_check(&g, e);
	clb_groups_release(&g);
	return rc;
}

static int
check_document(struct discovery *d, const struct source *s, int fd, struct clb_err *e)
{
	return read_document(d, s, fd, 0, e);
}

static int
write_document(struct discovery *d, const struct source *s, int fd, struct clb_err *e)
{
	return read_document(d, s, fd, 1, e);
}

/* The source failed as why says: its last good answer, or none. */
static int
write_last_good(struct discovery *d, const struct source *s, const struct clb_err *why,
    struct clb_err *e)
{
	int fd, rc, found = 0;

	if (d->caching &&
	    (found = clb_cache_get(&d->cache, &s->key, d->o->now_ms, &fd, NULL, e)) == -1)
		return -1;
	if (found) {
		warn(d, "its last good targets are kept", why);
		rc = write_document(d, s, fd, e);
		close(fd);
		return rc;
	}
	if (!d->o->partial)
		return clb_err_set(e, why->status, "%s", why->msg);
	warn(d, "its targets are missing", why);
	return 0;
}

/* ---- static and file ---- */

static int
discover_static(struct discovery *d, const struct clb_job *job, const struct clb_sd *sd,
    struct clb_err *e)
{
	const struct clb_label none = { CLB_STR_INIT(""), CLB_STR_INIT("") };

	for (size_t i = 0; i < sd->ngroup; i++)
		if (write_group(d, job, &sd->group[i], &none, e) == -1)
			return -1;
	return 0;
}

/*
 * A file that is checked before its first target is written costs a second
 * pass. That is only due where the run would go on after a failure, and only
 * if the cache has not seen this very state of the file.
 */
static int
discover_file(struct discovery *d, const struct clb_job *job, const char *path,
    struct clb_err *e)
{
	struct source s = { job, path, { "file", path, "json" },
	    { CLB_STR("__meta_filepath"), clb_str(path) }, 0 };
	struct clb_err why = CLB_ERR_INIT;
	struct clb_cache_stamp stamp;
	int fd, rc;

	if (strcasecmp(strrchr(path, '.'), ".json") != 0) {
		s.yaml = 1;
		s.key.ext = "yml";
	}
	if ((fd = open(path, O_RDONLY | O_CLOEXEC)) == -1) {
		clb_err_set(&why, EX_NOINPUT, "%s: %s", path, strerror(errno));
		return write_last_good(d, &s, &why, e);
	}
	if (!d->caching && !d->o->partial) {
		rc = write_document(d, &s, fd, e);
		goto out;
	}
	rc = clb_cache_stamp(&stamp, fd, path, e);
	if (rc == 0 && !(d->caching && clb_cache_has_file(&d->cache, &s.key, &stamp))) {
		if (check_document(d, &s, fd, &why) == -1) {
			rc = write_last_good(d, &s, &why, e);
			goto out;
		}
		if (d->caching && clb_cache_put_file(&d->cache, &s.key, fd, &stamp,
		    d->o->now_ms, e) == -1)
			rc = -1;
	}
	if (rc == 0)
		rc = write_document(d, &s, fd, e);
out:
	close(fd);
	return rc;
}

static int
by_path(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static int
discover_files(struct discovery *d, const struct clb_job *job, const struct clb_sd *sd,
    struct clb_err *e)
{
	struct clb_glob g = { NULL, 0, 0 };
	int rc = 0;

	for (size_t i = 0; i < sd->nname && rc == 0; i++) {
		struct clb_err why = CLB_ERR_INIT;

		if (clb_glob(&g, sd->name[i], &why) == 0)
			continue;
		/* Prometheus logs a malformed pattern and goes on without it. */
		if (why.status == EX_CONFIG || d->o->partial)
			warn(d, "the pattern is left out", &why);
		else
			rc = clb_err_set(e, why.status, "%s", why.msg);
	}
	if (g.n != 0)
		qsort(g.path, g.n, sizeof(*g.path), by_path);
	for (size_t i = 0; i < g.n && rc == 0; i++)
		if (i == 0 || strcmp(g.path[i - 1], g.path[i]) != 0)
			rc = discover_file(d, job, g.path[i], e);
	clb_glob_release(&g);
	return rc;
}

/* ---- http and dns ---- */

static char *
dns_key(const struct clb_sd *sd, size_t i)
{
	return clb_xasprintf("%s:%s:%u", clb_dns_type_name(sd->type), sd->name[i], sd->port);
}

static void
list_exchanges(struct discovery *d)
{
	size_t cap = 0;

	for (size_t j = 0; j < d->config->njob; j++) {
		const struct clb_job *job = &d->config->job[j];

		for (size_t i = 0; i < job->nsd; i++) {
			const struct clb_sd *sd = &job->sd[i];
			size_t n = sd->kind == CLB_SD_HTTP ? 1 :
			    sd->kind == CLB_SD_DNS ? sd->nname : 0;

			for (size_t k = 0; k < n; k++) {
				if (d->nexchange == cap) {
					cap = cap != 0 ? cap * 2 : 16;
					d->exchange = clb_xreallocarray(d->exchange, cap,
					    sizeof(*d->exchange));
				}
				d->exchange[d->nexchange++] = (struct exchange){ job, sd, k,
				    sd->kind == CLB_SD_HTTP ? clb_http_key(sd) :
				    dns_key(sd, k), -1, CLB_ERR_INIT };
			}
		}
	}
}

static struct source
exchange_source(const struct exchange *x)
{
	int http = x->sd->kind == CLB_SD_HTTP;
	struct source s = { x->job, http ? x->sd->url : x->sd->name[x->name],
	    { http ? "http" : "dns", x->key, "json" },
	    { CLB_STR("__meta_url"), clb_str(http ? x->sd->url : "") }, 0 };

	return s;
}

/* Whether the cache's answer is younger than the refresh interval. */
static int
is_fresh(struct discovery *d, struct exchange *x, struct clb_err *e)
{
	struct source s = exchange_source(x);
	int64_t age_ms;
	int found;

	if (!d->caching)
		return 0;
	found = clb_cache_get(&d->cache, &s.key, d->o->now_ms, &x->fd, &age_ms, e);
	if (found != 1)
		return found;
	if (age_ms < x->sd->refresh_interval_ms)
		return 1;
	close(x->fd);
	x->fd = -1;
	return 0;
}

/* The answer is here: keep it only if it is good. */
static int
accept_answer(struct discovery *d, struct exchange *x, struct clb_err *e)
{
	struct source s = exchange_source(x);

	if (check_document(d, &s, x->fd, &x->err) == -1) {
		close(x->fd);
		x->fd = -1;
		return 0;
	}
	return d->caching ?
	    clb_cache_put_fd(&d->cache, &s.key, x->fd, d->o->now_ms, e) : 0;
}

/* A document in memory as a file, as all other answers are. */
static int
file_of(const struct clb_buf *b, struct clb_err *e)
{
	FILE *f = tmpfile();
	int fd = -1;

	if (f == NULL || fwrite(b->p, 1, b->n, f) != b->n || fflush(f) != 0 ||
	    (fd = fcntl(fileno(f), F_DUPFD_CLOEXEC, 0)) == -1)
		clb_err_set(e, EX_CANTCREAT, "temporary file: %s", strerror(errno));
	if (f != NULL)
		fclose(f);
	return fd;
}

/* All exchanges run at once, before the first target is written. */
static int
run_exchanges(struct discovery *d, struct clb_err *e)
{
	struct clb_http *http = clb_xcalloc(d->nexchange, sizeof(*http));
	struct clb_dns *dns = clb_xcalloc(d->nexchange, sizeof(*dns));
	struct exchange **of_http = clb_xcalloc(d->nexchange, sizeof(*of_http));
	struct exchange **of_dns = clb_xcalloc(d->nexchange, sizeof(*of_dns));
	size_t nhttp = 0, ndns = 0;
	int rc = 0, fresh;

	for (size_t i = 0; i < d->nexchange && rc == 0; i++) {
		struct exchange *x = &d->exchange[i];

		if ((fresh = is_fresh(d, x, e)) == -1)
			rc = -1;
		if (fresh != 0)
			continue;
		if (x->sd->kind == CLB_SD_HTTP) {
			of_http[nhttp] = x;
			http[nhttp++].sd = x->sd;
		} else {
			of_dns[ndns] = x;
			dns[ndns++] = (struct clb_dns){ .name = x->sd->name[x->name],
			    .type = x->sd->type, .port = x->sd->port };
		}
	}
	if (rc == 0) {
		clb_http_fetch(http, nhttp, d->config->compat, NULL);
		clb_dns_lookup(dns, ndns);
	}
	for (size_t i = 0; i < nhttp && rc == 0; i++) {
		of_http[i]->fd = http[i].fd;
		of_http[i]->err = http[i].err;
		if (http[i].fd != -1)
			rc = accept_answer(d, of_http[i], e);
	}
	for (size_t i = 0; i < ndns; i++) {
		of_dns[i]->err = dns[i].err;
		if (rc == 0 && dns[i].err.status == 0) {
			of_dns[i]->fd = file_of(&dns[i].doc, e);
			rc = of_dns[i]->fd == -1 ? -1 : accept_answer(d, of_dns[i], e);
		}
		clb_buf_release(&dns[i].doc);
	}
	free(http);
	free(dns);
	free(of_http);
	free(of_dns);
	return rc;
}

/* Exchanges stand in the order in which the jobs come to need them. */
static int
discover_exchanges(struct discovery *d, const struct clb_job *job, const struct clb_sd *sd,
    struct clb_err *e)
{
	int rc = 0;

	for (; d->next_exchange < d->nexchange && rc == 0; d->next_exchange++) {
		struct exchange *x = &d->exchange[d->next_exchange];
		struct source s = exchange_source(x);

		if (x->job != job || x->sd != sd)
			break;
		if (x->fd != -1)
			rc = write_document(d, &s, x->fd, e);
		else
			rc = write_last_good(d, &s, &x->err, e);
	}
	return rc;
}

/* ---- kubernetes ---- */

static int
write_kubernetes(struct discovery *d, const struct clb_job *job, struct clb_err *e)
{
	const struct clb_label none = { CLB_STR_INIT(""), CLB_STR_INIT("") };
	const struct clb_group *g;
	int rc;

	while ((rc = clb_kube_mirror_next(d->mirror, &g, e)) == 1)
		if (write_group(d, job, g, &none, e) == -1)
			return -1;
	return rc;
}

/* 0 if the block can be gone through, else -1 with e set. */
static int
begin_kubernetes(struct discovery *d, const struct clb_job *job, const struct clb_sd *sd,
    struct clb_err *e)
{
	if (d->mirror != NULL)
		return clb_kube_mirror_begin(d->mirror, &sd->kube, e);
	return clb_err_set(e, EX_USAGE, "%s:%u:%u: job '%.*s': kubernetes_sd_configs needs a "
	    "mirror", sd->place.file, sd->place.line, sd->place.column, (int)job->name.n,
	    job->name.s);
}

static int
discover_kubernetes(struct discovery *d, const struct clb_job *job, const struct clb_sd *sd,
    struct clb_err *e)
{
	struct clb_err why = CLB_ERR_INIT;

	if (begin_kubernetes(d, job, sd, &why) == 0)
		return write_kubernetes(d, job, e);
	if (!d->o->partial)
		return clb_err_set(e, why.status, "%s", why.msg);
	warn(d, "its targets are missing", &why);
	return 0;
}

/* Before the first target is written it is known that the mirror has them all. */
static int
check_mirror(struct discovery *d, struct clb_err *e)
{
	if (d->o->mirror != NULL)
		d->mirror = clb_kube_mirror_new(d->o->mirror, d->config);
	if (d->o->partial)
		return 0;
	for (size_t j = 0; j < d->config->njob; j++) {
		const struct clb_job *job = &d->config->job[j];

		for (size_t i = 0; i < job->nsd; i++)
			if (job->sd[i].kind == CLB_SD_KUBERNETES &&
			    begin_kubernetes(d, job, &job->sd[i], e) == -1)
				return -1;
	}
	return 0;
}

typedef int discover_fn(struct discovery *d, const struct clb_job *job,
    const struct clb_sd *sd, struct clb_err *e);

static discover_fn *const mechanisms[] = {
	[CLB_SD_STATIC] = discover_static, [CLB_SD_FILE] = discover_files,
	[CLB_SD_HTTP] = discover_exchanges, [CLB_SD_DNS] = discover_exchanges,
	[CLB_SD_KUBERNETES] = discover_kubernetes
};

static int
discover_jobs(struct discovery *d, struct clb_err *e)
{
	for (size_t j = 0; j < d->config->njob; j++) {
		const struct clb_job *job = &d->config->job[j];

		for (size_t i = 0; i < job->nsd; i++)
			if (mechanisms[job->sd[i].kind](d, job, &job->sd[i], e) == -1)
				return -1;
	}
	return 0;
}

int
clb_discover(const struct clb_config *c, const struct clb_discover_options *o,
    struct clb_out *out, struct clb_err *e)
{
	struct discovery d = { .config = c, .o = o, .out = out };
	int rc = 0;

	if (o->cache != NULL) {
		d.caching = 1;
		rc = clb_cache_open(&d.cache, o->cache, e);
	}
	if (rc == 0)
		rc = check_mirror(&d, e);
	list_exchanges(&d);
	if (rc == 0)
		rc = run_exchanges(&d, e);
	if (rc == 0)
		rc = discover_jobs(&d, e);
	if (rc == 0 && d.caching)
		rc = clb_cache_prune(&d.cache, e);
	for (size_t i = 0; i < d.nexchange; i++) {
		free(d.exchange[i].key);
		if (d.exchange[i].fd != -1)
			close(d.exchange[i].fd);
	}
	free(d.exchange);
	if (d.caching)
		clb_cache_release(&d.cache);
	clb_kube_mirror_free(d.mirror);
	clb_labels_release(&d.labels);
	clb_labels_release(&d.all);
	clb_buf_release(&d.param_name);
	return rc;
}

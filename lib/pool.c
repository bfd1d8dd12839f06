#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "lib/hash.h"
#include "lib/pool.h"
#include "lib/relabel.h"
#include "lib/scrape.h"

#define MAX_WARNINGS 5	/* of refused targets, for each job */

struct pool {
	const struct clb_job *job;
	struct clb_relabel *relabel;
	uint64_t targets;	/* known only once all of the input is read */
	uint64_t refused;
};

struct pools {
	const struct clb_config *config;
	const struct clb_pool_options *o;
	struct pool *pool;	/* in the order of the configuration's jobs */
	struct clb_idset seen;
	struct clb_target target;
	struct clb_labels discovered;	/* before relabelling, for o->dropped */
	struct clb_label url;	/* the field scrapeUrl */
	struct clb_buf url_text, scratch;
	struct clb_arena arena;
};

/* What becomes of a target. */
enum fate { ACTIVE, DUPLICATE, DROPPED, REFUSED };

/* ---- telling of what is dropped ---- */

static void
add_text(struct clb_buf *b, const char *key, const char *text)
{
	clb_buf_adds(b, key);
	clb_json_string(b, clb_str(text));
}

/* Keys are in order, whichever of them the reason makes. */
static int
tell_dropped(struct pools *ps, const struct pool *p, enum fate fate, long rule,
    const struct clb_err *why, struct clb_err *e)
{
	struct clb_buf *b = &ps->o->dropped->buf;
	const struct clb_rule *r = fate == DROPPED ? &p->job->rule[rule] : NULL;

	if (r != NULL) {
		add_text(b, "{\"action\":", clb_action_name(r->action));
		add_text(b, ",\"file\":", r->place.file);
	} else {
		add_text(b, "{\"error\":", why->msg);
	}
	if (fate == ACTIVE) {
		clb_buf_adds(b, ",\"finalLabels\":");
		clb_labels_json(b, &ps->target.labels);
	}
	clb_buf_adds(b, ",\"job\":");
	clb_json_string(b, p->job->name);
	clb_buf_adds(b, ",\"labels\":");
	clb_labels_json(b, &ps->discovered);
	if (r != NULL)
		clb_buf_printf(b, ",\"line\":%u,\"reason\":\"rule\",\"rule\":%ld}\n",
		    r->place.line, rule);
	else
		clb_buf_printf(b, ",\"reason\":\"%s\"}\n",
		    fate == ACTIVE ? "target_limit" : "error");
	return clb_out_record(ps->o->dropped, e);
}

static void
warn_refused(struct pools *ps, struct pool *p, struct clb_str address,
    const struct clb_err *why)
{
	char text[sizeof(why->msg) + 512];

	if (ps->o->warn == NULL || p->refused++ >= MAX_WARNINGS)
		return;
	snprintf(text, sizeof(text), "job '%.*s': target '%.*s': %s",
	    (int)(p->job->name.n < 128 ? p->job->name.n : 128), p->job->name.s,
	    (int)(address.n < 256 ? address.n : 256), address.s, why->msg);
	ps->o->warn(text);
}

/* What is to be said once all of the input is read. */
static void
warn_of_jobs(struct pools *ps)
{
	char text[512];

	if (ps->o->warn == NULL)
		return;
	for (size_t i = 0; i < ps->config->njob; i++) {
		struct pool *p = &ps->pool[i];
		int n = (int)(p->job->name.n < 128 ? p->job->name.n : 128);

		if (p->refused > MAX_WARNINGS) {
			snprintf(text, sizeof(text), "job '%.*s': and %llu more targets",
			    n, p->job->name.s,
			    (unsigned long long)(p->refused - MAX_WARNINGS));
			ps->o->warn(text);
		}
		if (p->job->target_limit != 0 && p->targets > p->job->target_limit) {
			snprintf(text, sizeof(text), "job '%.*s': target_limit exceeded "
			    "(number of targets: %llu, limit: %llu); all its targets are "
			    "left out", n, p->job->name.s, (unsigned long long)p->targets,
			    (unsigned long long)p->job->target_limit);
			ps->o->warn(text);
		}
	}
}

/* ---- one target ---- */

/* Relabel and check ps->target; rule and why tell of one that does not stay. */
static enum fate
decide(struct pools *ps, struct pool *p, long *rule, struct clb_err *why)
{
	struct clb_target *t = &ps->target;

	clb_arena_clear(&ps->arena);
	if ((*rule = clb_relabel_apply(p->relabel, &t->labels, &ps->arena)) != -1)
		return DROPPED;
	if (clb_scrape_finish(p->job, ps->config->compat, &t->labels, &ps->arena, why) == -1)
		return REFUSED;
	t->id = clb_hash_target(p->job->name, &t->labels, &ps->scratch);
	t->has |= CLB_HAS_ID;
	return clb_idset_add(&ps->seen, t->id) ? ACTIVE : DUPLICATE;
}

/* The field goes where the record keeps those that no program knows. */
static void
add_scrape_url(struct pools *ps, const struct clb_job *job)
{
	struct clb_buf *b = &ps->url_text;

	b->n = 0;
	clb_scrape_url(&ps->scratch, job, &ps->target.labels);
	clb_json_string(b, (struct clb_str){ ps->scratch.p, (uint32_t)ps->scratch.n, 0 });
	ps->scratch.n = 0;
	clb_target_set_extra(&ps->target, CLB_STR("scrapeUrl"),
	    (struct clb_str){ b->p, (uint32_t)b->n, 1 });
}

static int
over_limit(const struct pool *p, struct clb_err *why)
{
	if (p->job->target_limit == 0 || p->targets <= p->job->target_limit)
		return 0;
	clb_err_set(why, EX_DATAERR, "target_limit exceeded (number of targets: %llu, "
	    "limit: %llu)", (unsigned long long)p->targets,
	    (unsigned long long)p->job->target_limit);
	return 1;
}

/* The discovered address, where relabelling has made another of it. */
static void
set_address(struct clb_target *t, struct clb_str discovered)
{
	int same = clb_str_eq(discovered, clb_labels_get(&t->labels, CLB_STR("__address__")));

	t->address = same ? CLB_STR("") : discovered;
}

static int
write_target(struct pools *ps, struct pool *p, struct clb_out *out, struct clb_err *e)
{
	struct clb_err why = CLB_ERR_INIT;
	struct clb_str address = clb_labels_get(&ps->target.labels, CLB_STR("__address__"));
	enum fate fate;
	long rule;

	if (ps->o->dropped != NULL)
		clb_labels_copy(&ps->discovered, &ps->target.labels);
	fate = decide(ps, p, &rule, &why);
	if (fate == DUPLICATE)
		return 0;
	if (fate == REFUSED)
		warn_refused(ps, p, address, &why);
	if (fate == ACTIVE && !over_limit(p, &why)) {
		set_address(&ps->target, address);
		if (ps->o->scrape_url)
			add_scrape_url(ps, p->job);
		clb_target_json(&out->buf, &ps->target);
		return clb_out_record(out, e);
	}
	return ps->o->dropped == NULL ? 0 : tell_dropped(ps, p, fate, rule, &why, e);
}

/* The first reading, where there is a limit: only counts. */
static int
count_target(struct pools *ps, struct pool *p, struct clb_out *out, struct clb_err *e)
{
	struct clb_err why = CLB_ERR_INIT;
	long rule;

	(void)out;
	(void)e;
	if (p->job->target_limit != 0 && decide(ps, p, &rule, &why) == ACTIVE)
		p->targets++;
	return 0;
}

/* ---- all of them ---- */

typedef int target_fn(struct pools *ps, struct pool *p, struct clb_out *out,
    struct clb_err *e);

static int
each_target(struct pools *ps, struct clb_stream *in, target_fn *fn, struct clb_out *out,
    struct clb_err *e)
{
	struct pool *p = NULL;
	uint64_t n = 0;
	int rc;

	while ((rc = clb_target_next(&ps->target, in, e)) == 1) {
		struct clb_str name = ps->target.job;

		if (p == NULL || !clb_str_eq(p->job->name, name)) {
			const struct clb_job *job = clb_config_job(ps->config, name);

			if (job == NULL)
				return clb_stream_fail(in, 0, e, "job '%.*s' is not in %s",
				    (int)name.n, name.s, ps->config->file[0]);
			p = &ps->pool[job - ps->config->job];
		}
		if (fn(ps, p, out, e) == -1)
			return -1;
		if ((++n & 0xfff) == 0 && ps->o->progress != NULL)
			ps->o->progress(n);
	}
	return rc;
}

/* Copy what in has to a temporary file, for a second reading. */
static FILE *
keep_input(const struct clb_stream *in, struct clb_err *e)
{
	FILE *f = tmpfile();
	char buf[65536];
	ssize_t n = -1;

	if (f == NULL) {
		clb_err_set(e, EX_CANTCREAT, "temporary file: %s", strerror(errno));
		return NULL;
	}
	while ((n = read(in->fd, buf, sizeof(buf))) > 0 || (n == -1 && errno == EINTR))
		if (n > 0 && fwrite(buf, 1, (size_t)n, f) != (size_t)n)
			break;
	if (n == -1)
		clb_err_set(e, EX_NOINPUT, "%s: %s", in->name, strerror(errno));
	else if (ferror(f) || fflush(f) != 0)
		clb_err_set(e, EX_IOERR, "temporary file: %s", strerror(errno));
	if (e->status != 0) {
		fclose(f);
		return NULL;
	}
	return f;
}

static int
run_twice(struct pools *ps, const struct clb_stream *in, struct clb_out *out,
    struct clb_err *e)
{
	target_fn *const pass[] = { count_target, write_target };
	FILE *f = keep_input(in, e);
	int rc = f == NULL ? -1 : 0;

	for (int i = 0; i < 2 && rc == 0; i++) {
		struct clb_stream again;

		rewind(f);
		clb_stream_init(&again, fileno(f), in->name);
		rc = each_target(ps, &again, pass[i], out, e);
		clb_stream_release(&again);
		clb_idset_release(&ps->seen);
	}
	if (f != NULL)
		fclose(f);
	return rc;
}

int
clb_pool_run(const struct clb_config *c, const struct clb_pool_options *o,
    struct clb_stream *in, struct clb_out *out, struct clb_err *e)
{
	struct pools ps = { .config = c, .o = o };
	int rc = 0, limited = 0;

	ps.pool = clb_xcalloc(c->njob, sizeof(*ps.pool));
	for (size_t i = 0; i < c->njob && rc == 0; i++) {
		const struct clb_job *job = &c->job[i];

		ps.pool[i].job = job;
		ps.pool[i].relabel = clb_relabel_new(job->rule, job->nrule, c->compat, e);
		rc = ps.pool[i].relabel == NULL ? -1 : 0;
		limited |= job->target_limit != 0;
	}
	if (rc == 0)
		rc = limited ? run_twice(&ps, in, out, e) :
		    each_target(&ps, in, write_target, out, e);
	if (rc == 0)
		warn_of_jobs(&ps);
	for (size_t i = 0; i < c->njob; i++)
		clb_relabel_free(ps.pool[i].relabel);
	free(ps.pool);
	clb_idset_release(&ps.seen);
	clb_target_release(&ps.target);
	clb_labels_release(&ps.discovered);
	clb_buf_release(&ps.url_text);
	clb_buf_release(&ps.scratch);
	clb_arena_release(&ps.arena);
	return rc;
}

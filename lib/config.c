#include <errno.h>
#include <fcntl.h>
#include <search.h>
#include <stdlib.h>
#include <unistd.h>

#include "lib/config_decode.h"
#include "lib/glob.h"

/* A job that is known by name. */
struct name {
	struct clb_str name;
	struct clb_place place;
};

struct loader {
	struct clb_config *c;
	const struct clb_config_options *o;
	struct clb_decode d;		/* of the file being read */
	const char *dir;		/* that it is in */
	const char *jobs_dir;		/* the same, as a pattern has it, or NULL */
	const struct clb_yaml_node *config;	/* whose jobs are being read */
	void *names;			/* tsearch(3) tree of struct name */
	struct clb_err *e;
};

/* ---- files ---- */

static int
read_all(struct clb_buf *b, int fd)
{
	ssize_t n;

	do {
		clb_buf_reserve(b, 65536);
		n = read(fd, b->p + b->n, b->cap - b->n);
		if (n > 0)
			b->n += (size_t)n;
	} while (n > 0 || (n == -1 && errno == EINTR));
	return n == 0 ? 0 : -1;
}

int
clb_config_read_file(struct clb_buf *b, const char *path, struct clb_err *e)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), rc = 0;

	if (fd == -1 || read_all(b, fd) == -1)
		rc = clb_err_set(e, EX_NOINPUT, "%s: %s", path, strerror(errno));
	if (fd != -1)
		close(fd);
	return rc;
}

static void
add_file(struct clb_config *c, const char *path)
{
	c->file = clb_xreallocarray(c->file, c->nfile + 1, sizeof(*c->file));
	c->file[c->nfile++] = clb_xstrdup(path);
}

/* The document in b, which was read at path: *root is NULL where it is empty. */
static int
parse_yaml(struct loader *l, const char *path, const struct clb_buf *b,
    struct clb_yaml_node **root)
{
	struct clb_config *c = l->c;
	struct clb_yaml *y;

	c->yaml = clb_xreallocarray(c->yaml, c->nyaml + 1, sizeof(*c->yaml));
	y = &c->yaml[c->nyaml++];
	if (clb_yaml_parse(y, path, b->p, b->n, EX_CONFIG, l->e) == -1)
		return -1;
	*root = y->root;
	l->d.file = y->name;
	return 0;
}

static int
read_yaml(struct loader *l, const char *path, struct clb_yaml_node **root)
{
	struct clb_buf b = { NULL, 0, 0 };
	int rc;

	add_file(l->c, path);
	rc = clb_config_read_file(&b, path, l->e);
	if (rc == 0)
		rc = parse_yaml(l, path, &b, root);
	clb_buf_release(&b);
	return rc;
}

static const char *
dir_of(struct loader *l, const char *path)
{
	char *dir = clb_path_dir(path);
	const char *copy = clb_arena_str(&l->c->arena, dir, strlen(dir)).s;

	free(dir);
	return copy;
}

/*
 * From now on relative paths start where path is, which was found in jobs_dir;
 * NULL: it is the configuration itself.
 */
static void
enter(struct loader *l, const char *path, const char *jobs_dir)
{
	l->d.dir = l->dir = dir_of(l, path);
	l->jobs_dir = jobs_dir;
	if (!l->o->keep_paths)
		return;
	l->d.dir = l->o->base;
	if (jobs_dir != NULL)
		l->d.dir = clb_path_join(&l->c->arena, l->o->base, clb_str(jobs_dir)).s;
}

/* ---- jobs ---- */

static int
by_name(const void *a, const void *b)
{
	return clb_str_cmp(((const struct name *)a)->name, ((const struct name *)b)->name);
}

static void
keep(void *p)
{
	(void)p;
}

static int
check_name(struct loader *l, const struct clb_job *job, const struct clb_value *v)
{
	struct name *n = clb_arena_alloc(&l->c->arena, sizeof(*n)), **known;

	*n = (struct name){ job->name, job->place };
	known = tsearch(n, &l->names, by_name);
	if (known == NULL || *known == n)
		return 0;
	return clb_decode_fail(&l->d, clb_value_node(clb_value_get(v, "job_name"), v),
	    "found multiple scrape configs with job name \"%.*s\", the first at %s:%u",
	    (int)job->name.n, job->name.s, (*known)->place.file, (*known)->place.line);
}

static int
add_jobs(struct loader *l, const struct clb_value *list, const struct clb_value *global)
{
	struct clb_config *c = l->c;

	c->job = clb_xreallocarray(c->job, c->njob + list->n, sizeof(*c->job));
	for (size_t i = 0; i < list->n; i++) {
		struct clb_job *job = &c->job[c->njob++];

		memset(job, 0, sizeof(*job));
		job->config = l->config;
		job->dir = l->jobs_dir;
		if (clb_job_fill(&l->d, job, &list->item[i], global,
		    l->o->skip_unsupported_sd) == -1 || check_name(l, job, &list->item[i]) == -1)
			return -1;
	}
	return 0;
}

/* ---- scrape_config_files ---- */

/* A star may stand in the last path segment alone. */
static int
check_patterns(struct clb_decode *d, const struct clb_value *v, const char *what)
{
	for (size_t i = 0; i < v->n; i++) {
		struct clb_str s = v->text[i];
		const char *star = s.n != 0 ? memchr(s.s, '*', s.n) : NULL;

		if (star != NULL && memchr(star, '/', (size_t)(s.s + s.n - star)) != NULL)
			return clb_decode_fail(d, v->node->child[i], "invalid %s path \"%.*s\"",
			    what, (int)s.n, s.s);
	}
	return 0;
}

static int
load_jobs_file(struct loader *l, const char *path, struct clb_str pattern,
    const struct clb_value *global)
{
	static const struct clb_field field = { .name = "a scrape config file",
	    .type = CLB_T_STRUCT, .sub = &clb_schema_job_list };
	struct clb_value v = { .field = &field };
	struct loader outer = *l;
	struct clb_yaml_node *root;
	int rc = read_yaml(l, path, &root);

	if (rc == 0 && !clb_yaml_is_null(root)) {
		enter(l, path, dir_of(l, clb_arena_str(&l->c->arena, pattern.s, pattern.n).s));
		rc = clb_decode(&l->d, root, &v);
		if (rc == 0)
			rc = add_jobs(l, clb_value_get(&v, "scrape_configs"), global);
	}
	l->d = outer.d;
	l->dir = outer.dir;
	l->jobs_dir = NULL;
	return rc;
}

static int
load_jobs_files(struct loader *l, const struct clb_value *patterns,
    const struct clb_value *global)
{
	struct clb_config *c = l->c;
	int rc = 0;

	for (size_t i = 0; i < patterns->n && rc == 0; i++) {
		struct clb_str pattern = clb_path_join(&c->arena, l->dir, patterns->text[i]);
		struct clb_glob g = { NULL, 0, 0 };
		struct clb_err why = CLB_ERR_INIT;

		c->file_pattern = clb_xreallocarray(c->file_pattern, c->nfile_pattern + 1,
		    sizeof(*c->file_pattern));
		c->file_pattern[c->nfile_pattern] = clb_xstrndup(pattern.s, pattern.n);
		rc = clb_glob(&g, c->file_pattern[c->nfile_pattern++], &why);
		if (rc == -1 && why.status == EX_CONFIG)
			clb_decode_fail(&l->d, patterns->node->child[i], "%s", why.msg);
		else if (rc == -1)
			clb_err_set(l->e, why.status, "%s", why.msg);
		for (size_t k = 0; k < g.n && rc == 0; k++)
			rc = load_jobs_file(l, g.path[k], patterns->text[i], global);
		clb_glob_release(&g);
	}
	return rc;
}

/* ---- a Prometheus configuration ---- */

static int
is_legacy(const struct loader *l, const struct clb_value *global)
{
	return l->d.compat >= CLB_VERSION(3, 7) && clb_str_eq(
	    clb_value_get(global, "metric_name_validation_scheme")->str, CLB_STR("legacy"));
}

/* Rules that have no say in targets are checked all the same. */
static int
check_alerting(struct loader *l, const struct clb_value *v, int legacy_names)
{
	const struct clb_value *list;

	if (!v->present)
		return 0;
	if (clb_rules_check(&l->d, clb_value_get(v, "alert_relabel_configs"), legacy_names) == -1)
		return -1;
	list = clb_value_get(v, "alertmanagers");
	for (size_t i = 0; i < list->n; i++) {
		const struct clb_value *am = &list->item[i];

		if (am->item != NULL && (clb_rules_check(&l->d,
		    clb_value_get(am, "relabel_configs"), legacy_names) == -1 ||
		    clb_rules_check(&l->d, clb_value_get(am, "alert_relabel_configs"),
		    legacy_names) == -1))
			return -1;
	}
	return 0;
}

static int
check_remotes(struct loader *l, const struct clb_value *list, const char *name, int legacy_names)
{
	for (size_t i = 0; i < list->n; i++) {
		const struct clb_value *r = &list->item[i];

		if (clb_value_get(r, "url")->node == NULL)
			return clb_decode_fail(&l->d, r->node, "url for %s is empty", name);
		if (strcmp(name, "remote_write") == 0 && clb_rules_check(&l->d,
		    clb_value_get(r, "write_relabel_configs"), legacy_names) == -1)
			return -1;
	}
	return 0;
}

static int
load_prometheus(struct loader *l, const struct clb_yaml_node *root)
{
	static const struct clb_field field = { .name = "the configuration",
	    .type = CLB_T_STRUCT, .sub = &clb_schema_config };
	struct clb_value v = { .field = &field }, *global;
	int legacy_names;

	l->config = root;
	if (clb_decode(&l->d, root, &v) == -1)
		return -1;
	global = clb_value_get(&v, "global");
	if (clb_global_fill(&l->d, global) == -1 ||
	    check_patterns(&l->d, clb_value_get(&v, "rule_files"), "rule file") == -1 ||
	    check_patterns(&l->d, clb_value_get(&v, "scrape_config_files"),
	    "scrape config file") == -1 ||
	    add_jobs(l, clb_value_get(&v, "scrape_configs"), global) == -1)
		return -1;
	legacy_names = is_legacy(l, global);
	if (check_alerting(l, clb_value_get(&v, "alerting"), legacy_names) == -1 ||
	    check_remotes(l, clb_value_get(&v, "remote_write"), "remote_write",
	    legacy_names) == -1 ||
	    check_remotes(l, clb_value_get(&v, "remote_read"), "remote_read", legacy_names) == -1)
		return -1;
	return load_jobs_files(l, clb_value_get(&v, "scrape_config_files"), global);
}

/* ---- the other forms ---- */

static int
load_list(struct loader *l, const struct clb_yaml_node *root)
{
	struct clb_value global = { .field = clb_schema_config.field };
	struct clb_value list = { .field = clb_schema_job_list.field };

	if (clb_decode(&l->d, root, &list) == -1 || clb_global_fill(&l->d, &global) == -1)
		return -1;
	return add_jobs(l, &list, &global);
}

/* The value of a mapping's key, or NULL; what is written comes before what is merged. */
static struct clb_yaml_node *
lookup(const struct clb_yaml_node *n, struct clb_str key)
{
	struct clb_yaml_node *found = NULL;

	if (n->kind == CLB_YAML_MAPPING)
		for (size_t i = 0; i + 1 < n->n; i += 2)
			if (n->child[i]->kind == CLB_YAML_SCALAR &&
			    clb_str_eq(n->child[i]->text, key))
				return n->child[i + 1];
	for (size_t i = 0; i < n->n && found == NULL; i++)
		if (n->kind == CLB_YAML_SEQUENCE)
			found = lookup(n->child[i], key);
		else if (n->kind == CLB_YAML_MAPPING && i % 2 == 0 &&
		    clb_yaml_is_merge(n->child[i]))
			found = lookup(n->child[i + 1], key);
	return found;
}

static int
load_receiver(struct loader *l, const struct clb_yaml_node *receiver)
{
	struct clb_yaml_node *config;

	if (receiver->kind != CLB_YAML_MAPPING)
		return clb_yaml_is_null(receiver) ? 0 :
		    clb_decode_fail(&l->d, receiver, "a receiver must be a mapping");
	config = lookup(receiver, CLB_STR("config"));
	if (clb_yaml_is_null(config))
		return 0;
	return clb_otel_expand(&l->d, config) == -1 ? -1 : load_prometheus(l, config);
}

static int
load_otel(struct loader *l, const struct clb_yaml_node *root, const struct clb_yaml_node *receivers)
{
	static const struct clb_field any = { .name = "the configuration", .type = CLB_T_ANY };
	struct clb_value v = { .field = &any };

	if (clb_decode(&l->d, root, &v) == -1)
		return -1;
	if (clb_yaml_is_null(receivers))
		return 0;
	if (receivers->kind != CLB_YAML_MAPPING)
		return clb_decode_fail(&l->d, receivers, "receivers must be a mapping");
	l->d.otel = 1;
	for (size_t i = 0; i + 1 < receivers->n; i += 2) {
		struct clb_str name = receivers->child[i]->text;

		if (receivers->child[i]->kind == CLB_YAML_SCALAR &&
		    (clb_str_eq(name, CLB_STR("prometheus")) ||
		    clb_str_has_prefix(name, "prometheus/")) &&
		    load_receiver(l, receivers->child[i + 1]) == -1)
			return -1;
	}
	return 0;
}

static int
load(struct loader *l, const struct clb_yaml_node *root)
{
	const struct clb_yaml_node *receivers;

	if (clb_yaml_is_null(root))
		return 0;
	if (root->kind == CLB_YAML_SEQUENCE)
		return load_list(l, root);
	if ((receivers = lookup(root, CLB_STR("receivers"))) != NULL)
		return load_otel(l, root, receivers);
	return load_prometheus(l, root);
}

static int
load_text(struct clb_config *c, const char *path, const struct clb_config_options *o,
    struct clb_err *e)
{
	struct loader l = { .c = c, .o = o, .e = e };
	struct clb_yaml_node *root;
	int rc;

	c->compat = o->compat;
	l.d = (struct clb_decode){ .arena = &c->arena, .compat = o->compat, .warn = o->warn,
	    .vmagent = o->vmagent,
	    .legacy_names = o->compat < CLB_VERSION(3, 0), .status = EX_CONFIG, .e = e };
	enter(&l, path, NULL);
	rc = parse_yaml(&l, path, &c->text, &root);
	if (rc == 0)
		rc = load(&l, root);
	tdestroy(l.names, keep);
	return rc;
}

int
clb_config_load(struct clb_config *c, const char *path, const struct clb_config_options *o,
    struct clb_err *e)
{
	memset(c, 0, sizeof(*c));
	add_file(c, path);
	return clb_config_read_file(&c->text, path, e) == -1 ? -1 : load_text(c, path, o, e);
}

int
clb_config_parse(struct clb_config *c, const char *path, const char *text, size_t n,
    const struct clb_config_options *o, struct clb_err *e)
{
	memset(c, 0, sizeof(*c));
	add_file(c, path);
	clb_buf_reserve(&c->text, n + 1);
	clb_buf_add(&c->text, text, n);
	return load_text(c, path, o, e);
}

static void
release_job(struct clb_job *job)
{
	json_decref(job->doc);
	for (size_t i = 0; i < job->nsd; i++)
		for (size_t k = 0; k < job->sd[i].ngroup; k++)
			clb_group_release(&job->sd[i].group[k]);
}

void
clb_config_release(struct clb_config *c)
{
	size_t i;

	for (i = 0; i < c->njob; i++)
		release_job(&c->job[i]);
	for (i = 0; i < c->nfile; i++)
		free(c->file[i]);
	for (i = 0; i < c->nfile_pattern; i++)
		free(c->file_pattern[i]);
	for (i = 0; i < c->nyaml; i++)
		clb_yaml_release(&c->yaml[i]);
	free(c->job);
	free(c->file);
	free(c->file_pattern);
	free(c->yaml);
	clb_buf_release(&c->text);
	clb_arena_release(&c->arena);
	memset(c, 0, sizeof(*c));
}

const struct clb_job *
clb_config_job(const struct clb_config *c, struct clb_str name)
{
	for (size_t i = 0; i < c->njob; i++)
		if (clb_str_eq(c->job[i].name, name))
			return &c->job[i];
	return NULL;
}

#include <ctype.h>
#include <stdlib.h>

#include "lib/compat.h"
#include "lib/hash.h"
#include "lib/sd_group.h"
#include "lib/table.h"
#include "lib/utf8.h"

/* So many bytes of labels and addresses are gathered at most, or a little more. */
#define ENOUGH ((size_t)1 << 20)

/* ---- text ---- */

/*
 * Readers other than Prometheus take the files for YAML, in which these must
 * not stand in a string as they are: DEL, U+0080 to U+009F (among them a line
 * break), U+2028, U+2029, U+FEFF, U+FFFE, U+FFFF. Returns the length of the one
 * at p, or 0.
 */
static size_t
unprintable(const unsigned char *p, size_t n, unsigned *code)
{
	if (*p == 0x7f) {
		*code = *p;
		return 1;
	}
	if (n > 1 && *p == 0xc2 && p[1] < 0xa0) {
		*code = p[1];
		return 2;
	}
	if (n < 3 || *p < 0xe2)
		return 0;
	*code = (*p & 0xfu) << 12 | (p[1] & 0x3fu) << 6 | (p[2] & 0x3fu);
	return (*p == 0xe2 && (*code == 0x2028 || *code == 0x2029)) ||
	    (*p == 0xef && (*code == 0xfeff || *code >= 0xfffe)) ? 3 : 0;
}

/* 1 if there is a byte from 0x7f on. */
static int
has_high(const char *p, size_t n)
{
	uint64_t high = 0, word;
	size_t i;

	for (i = 0; i + 8 <= n; i += 8) {
		memcpy(&word, p + i, 8);
		high |= word | (word + 0x0101010101010101u);
	}
	for (; i < n; i++)
		high |= (unsigned char)p[i] >= 0x7f ? 0x80 : 0;
	return (high & 0x8080808080808080u) != 0;
}

/*
 * Append the same JSON, which is YAML as well. vmagent puts the value of an
 * environment variable for %{NAME} before it looks at anything else.
 */
static void
add_escaped(struct clb_buf *out, const struct clb_buf *json)
{
	size_t len;
	unsigned code;

	if (!has_high(json->p, json->n) && memmem(json->p, json->n, "%{", 2) == NULL) {
		clb_buf_add(out, json->p, json->n);
		return;
	}
	for (size_t i = 0; i < json->n; i += len) {
		len = unprintable((const unsigned char *)json->p + i, json->n - i, &code);
		if (len == 0 && json->p[i] == '%' && i + 1 < json->n && json->p[i + 1] == '{') {
			code = '%';
			len = 1;
		}
		if (len != 0) {
			clb_buf_printf(out, "\\u%04X", code);
			continue;
		}
		len = 1;
		clb_buf_addc(out, json->p[i]);
	}
}

/* ---- labels ---- */

enum carriage { AS_IT_IS, IN_CARRIER, NOT_AT_ALL };

/* [0-9A-Za-z_]+: with something legal in front it is a name for Prometheus 2. */
static int
can_follow(struct clb_str name)
{
	for (uint32_t i = 0; i < name.n; i++)
		if (!isalnum((unsigned char)name.s[i]) && name.s[i] != '_')
			return 0;
	return name.n != 0;
}

/*
 * How a label gets to the collector. Prometheus 2 lets params override
 * __param_*, and refuses files with names that it has no use for. Labels that
 * look like our carriers go in one themselves: what unpacks them drops them.
 */
static enum carriage
carriage(const struct clb_sd_groups *g, struct clb_str name)
{
	int is_old = g->compat < CLB_VERSION(3, 0);

	if (name.n == 0 || (is_old && !can_follow(name)))
		return NOT_AT_ALL;
	if (clb_str_has_prefix(name, "__handoff") ||
	    (is_old && (clb_str_has_prefix(name, "__param_") || !clb_label_name_legacy(name))))
		return IN_CARRIER;
	return AS_IT_IS;
}

static void
warn(struct clb_sd_groups *g, const char *text)
{
	if (g->warn != NULL)
		g->warn(text);
}

/*
 * Count a label that is left out, and tell of it if its like was not told of.
 * A parameter like match[] comes from the collector's own params.
 */
static void
leave_out(struct clb_sd_groups *g, struct clb_str job, struct clb_str name)
{
	uint64_t like = clb_hash_bytes(job.s, job.n) * 31 + clb_hash_bytes(name.s, name.n);
	char *text;

	if (clb_str_has_prefix(name, "__param_"))
		return;
	g->left_out++;
	for (size_t i = 0; i < g->ntold; i++)
		if (g->told[i] == like)
			return;
	if (g->ntold == sizeof(g->told) / sizeof(*g->told))
		return;
	g->told[g->ntold++] = like;
	text = clb_xasprintf("job '%.*s': label '%.*s' is left out, for no file can carry that name",
	    (int)job.n, job.s, (int)name.n, name.s);
	warn(g, text);
	free(text);
}

static struct clb_str
carrier(struct clb_sd_groups *g, struct clb_str name)
{
	static const char prefix[] = "__handoff_";
	size_t n = sizeof(prefix) - 1;
	char *p = clb_arena_alloc(&g->names, n + name.n);

	memcpy(p, prefix, n);
	memcpy(p + n, name.s, name.n);
	return (struct clb_str){ p, (uint32_t)n + name.n, name.plain };
}

/* The labels that a collector fills in where they are absent, and should not. */
static void
mark_absent(struct clb_sd_groups *g, const struct clb_labels *ls)
{
	static const struct clb_str name[] = { CLB_STR_INIT("job"), CLB_STR_INIT("__scheme__"),
	    CLB_STR_INIT("__metrics_path__") };
	char list[64] = ",";

	for (size_t i = 0; i < sizeof(name) / sizeof(*name); i++)
		if (clb_labels_get(ls, name[i]).n == 0) {
			strcat(list, name[i].s);
			strcat(list, ",");
		}
	if (list[1] != '\0')
		clb_labels_set(&g->labels, CLB_STR("__handoffdel"),
		    clb_arena_str(&g->names, list, strlen(list)));
}

/*
 * 1 if address ends in a port that no reader takes away: then each of them
 * makes the address the instance label where there is none.
 */
static int
has_port(struct clb_str address)
{
	uint32_t i = address.n, digits;
	const char *port;

	while (i > 0 && isdigit((unsigned char)address.s[i - 1]))
		i--;
	port = address.s + i;
	digits = address.n - i;
	if (i < 2 || port[-1] != ':' || digits == 0 || digits > 5 ||
	    (digits == 2 && memcmp(port, "80", 2) == 0) ||
	    (digits == 3 && memcmp(port, "443", 3) == 0))
		return 0;
	return *address.s == '[' ? port[-2] == ']' : memchr(address.s, ':', i - 1) == NULL;
}

/* What the file says of a target besides its address. */
static void
make_labels(struct clb_sd_groups *g, const struct clb_target *t, struct clb_str address)
{
	int instance = has_port(address);

	clb_labels_clear(&g->labels);
	clb_arena_clear(&g->names);
	for (size_t i = 0; i < t->labels.n; i++) {
		const struct clb_label *l = &t->labels.v[i];

		if (clb_str_eq(l->name, CLB_STR("__address__")) ||
		    (instance && clb_str_eq(l->name, CLB_STR("instance")) &&
		    clb_str_eq(l->value, address)))
			continue;
		switch (carriage(g, l->name)) {
		case AS_IT_IS:
			clb_labels_add(&g->labels, l->name, l->value);
			break;
		case IN_CARRIER:
			clb_labels_add(&g->labels, carrier(g, l->name), l->value);
			break;
		case NOT_AT_ALL:
			leave_out(g, t->job, l->name);
			break;
		}
	}
	mark_absent(g, &t->labels);
}

/* ---- groups ---- */

#define NONE UINT32_MAX

/* A piece of the text: the labels of a group, or an address. */
struct piece {
	size_t off;
	uint32_t len;
	uint32_t next;	/* of a group its first address; of an address the next one */
};

struct clb_sd_gathered {
	struct clb_buf text;
	struct piece *group, *address;
	uint32_t *last;		/* of each group its last address */
	uint32_t ngroups, groups_cap, naddresses, addresses_cap;
	struct clb_table by_hash;	/* of labels: the group's number plus 1 */
};

void
clb_sd_groups_init(struct clb_sd_groups *g, int compat, void (*warn)(const char *text))
{
	*g = (struct clb_sd_groups){ .compat = compat, .warn = warn };
	g->gathered = clb_xcalloc(1, sizeof(*g->gathered));
}

void
clb_sd_groups_release(struct clb_sd_groups *g)
{
	if (g->gathered != NULL) {
		clb_buf_release(&g->gathered->text);
		clb_table_release(&g->gathered->by_hash);
		free(g->gathered->group);
		free(g->gathered->last);
		free(g->gathered->address);
		free(g->gathered);
	}
	clb_labels_release(&g->labels);
	clb_buf_release(&g->json);
	clb_arena_release(&g->names);
}

/* Move what the room made of json to the end of the text. */
static struct piece
keep(struct clb_sd_groups *g)
{
	struct clb_buf *text = &g->gathered->text;
	struct piece p = { text->n, 0, NONE };

	add_escaped(text, &g->json);
	p.len = (uint32_t)(text->n - p.off);
	return p;
}

/* The number of the group whose labels stand at the end of the text, as p. */
static uint32_t
find_group(struct clb_sd_gathered *d, struct piece p)
{
	uint64_t hash = clb_hash_bytes(d->text.p + p.off, p.len);
	uint64_t found = clb_table_get(&d->by_hash, hash += hash == 0);

	if (found != 0) {
		const struct piece *other = &d->group[found - 1];

		if (other->len == p.len &&
		    memcmp(d->text.p + other->off, d->text.p + p.off, p.len) == 0) {
			d->text.n = p.off;
			return (uint32_t)found - 1;
		}
	}
	if (d->ngroups == d->groups_cap) {
		d->groups_cap = d->groups_cap != 0 ? 2 * d->groups_cap : 64;
		d->group = clb_xreallocarray(d->group, d->groups_cap, sizeof(*d->group));
		d->last = clb_xreallocarray(d->last, d->groups_cap, sizeof(*d->last));
	}
	d->group[d->ngroups] = p;
	d->last[d->ngroups] = NONE;
	if (found == 0)
		clb_table_put(&d->by_hash, hash, (uint64_t)d->ngroups + 1);
	return d->ngroups++;
}

int
clb_sd_groups_add(struct clb_sd_groups *g, const struct clb_target *t)
{
	struct clb_sd_gathered *d = g->gathered;
	struct clb_str address = clb_labels_get(&t->labels, CLB_STR("__address__"));
	uint32_t group, *link;

	make_labels(g, t, address);
	g->json.n = 0;
	clb_labels_json(&g->json, &g->labels);
	group = find_group(d, keep(g));

	g->json.n = 0;
	clb_json_string(&g->json, address);
	if (d->naddresses == d->addresses_cap) {
		d->addresses_cap = d->addresses_cap != 0 ? 2 * d->addresses_cap : 64;
		d->address = clb_xreallocarray(d->address, d->addresses_cap, sizeof(*d->address));
	}
	d->address[d->naddresses] = keep(g);
	link = d->last[group] == NONE ? &d->group[group].next : &d->address[d->last[group]].next;
	*link = d->last[group] = d->naddresses++;
	return d->text.n >= ENOUGH;
}

void
clb_sd_groups_take(struct clb_sd_groups *g, struct clb_buf *out)
{
	struct clb_sd_gathered *d = g->gathered;

	for (uint32_t i = 0; i < d->ngroups; i++) {
		clb_buf_adds(out, i > 0 ? ",\n{\"labels\":" : "{\"labels\":");
		clb_buf_add(out, d->text.p + d->group[i].off, d->group[i].len);
		clb_buf_adds(out, ",\"targets\":[");
		for (uint32_t k = d->group[i].next; k != NONE; k = d->address[k].next) {
			clb_buf_add(out, d->text.p + d->address[k].off, d->address[k].len);
			clb_buf_addc(out, d->address[k].next != NONE ? ',' : ']');
		}
		clb_buf_addc(out, '}');
	}
	d->text.n = 0;
	d->ngroups = d->naddresses = 0;
	clb_table_release(&d->by_hash);
	d->by_hash = (struct clb_table){ NULL, 0, 0 };
}

void
clb_sd_groups_warn(struct clb_sd_groups *g)
{
	char *text;

	if (g->left_out <= g->ntold)
		return;
	text = clb_xasprintf("%llu labels are left out in all", (unsigned long long)g->left_out);
	warn(g, text);
	free(text);
}

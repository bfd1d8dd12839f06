/*
 * These names are deprecated in c-ares 1.28 and later, and all there is in
 * 1.18, the oldest that clb is built with.
 */
#define CARES_NO_DEPRECATED
#include <ares.h>
#include <arpa/inet.h>
#include <arpa/nameser.h>
#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/time.h>

#include "lib/dns.h"
#include "lib/json.h"

#define RESOLV_CONF "/etc/resolv.conf"
#define EDNS_BYTES 1232		/* what passes without fragments nearly everywhere */
#define TIMEOUT_MS 2000
#define TRIES 2
#define NDOTS_MAX 15

const char *
clb_dns_type_name(enum clb_dns_type type)
{
	static const char *const names[] = { "A", "AAAA", "SRV", "MX", "NS" };

	return names[type];
}

/* What /etc/resolv.conf says. */
struct resolv {
	struct clb_buf servers;		/* with commas between, and a NUL */
	char **domain;			/* the search list */
	size_t ndomain;
	long ndots;
};

struct lookups {
	struct clb_dns *d;
	size_t n, next, running;
	struct resolv conf;
	ares_channel channel;
	struct pollfd *fd;
	size_t nfd;
};

/* A name being looked up: its candidates, one after another. */
struct lookup {
	struct lookups *all;
	struct clb_dns *d;
	char *candidate;
	size_t tried;
	int failed;		/* c-ares's status of a candidate nobody could tell of */
	char *failed_at;
};

/* ---- /etc/resolv.conf ---- */

static void
clear_search(struct resolv *r)
{
	for (size_t i = 0; i < r->ndomain; i++)
		free(r->domain[i]);
	r->ndomain = 0;
}

static void
add_domain(struct resolv *r, const char *domain)
{
	size_t n = strlen(domain);

	while (n > 0 && domain[n - 1] == '.')
		n--;
	if (n == 0)
		return;
	r->domain = clb_xreallocarray(r->domain, r->ndomain + 1, sizeof(*r->domain));
	r->domain[r->ndomain++] = clb_xstrndup(domain, n);
}

/* What is no address, c-ares would refuse together with all others. */
static void
add_server(struct resolv *r, const char *server)
{
	unsigned char addr[16];
	char *plain = clb_xstrdup(server);

#if ARES_VERSION >= 0x012200	/* from here on it knows fe80::1%eth0 */
	plain[strcspn(plain, "%")] = '\0';
#endif
	if (inet_pton(AF_INET, plain, addr) == 1 || inet_pton(AF_INET6, plain, addr) == 1)
		clb_buf_printf(&r->servers, "%s%s", r->servers.n != 0 ? "," : "", server);
	free(plain);
}

static void
set_option(struct resolv *r, const char *option)
{
	if (strncmp(option, "ndots:", 6) != 0)
		return;
	r->ndots = strtol(option + 6, NULL, 10);
	if (r->ndots < 0)
		r->ndots = 0;
	else if (r->ndots > NDOTS_MAX)
		r->ndots = NDOTS_MAX;
}

/* The last of "domain" and "search" counts; nameservers and options add up. */
static void
read_line(struct resolv *r, char *line)
{
	const char *space = " \t\r\n\v\f";
	char *save, *key = strtok_r(line, space, &save), *word;
	int search;

	if (key == NULL)
		return;
	search = strcmp(key, "search") == 0;
	word = strtok_r(NULL, space, &save);
	if (search || strcmp(key, "domain") == 0) {
		clear_search(r);
		for (; word != NULL; word = search ? strtok_r(NULL, space, &save) : NULL)
			add_domain(r, word);
	} else if (strcmp(key, "nameserver") == 0 && word != NULL)
		add_server(r, word);
	else if (strcmp(key, "options") == 0)
		for (; word != NULL; word = strtok_r(NULL, space, &save))
			set_option(r, word);
}

static int
read_resolv(struct resolv *r, struct clb_err *e)
{
	FILE *f = fopen(RESOLV_CONF, "re");
	char *line = NULL;
	size_t cap = 0;
	int rc = 0;

	r->ndots = 1;
	if (f == NULL)
		return clb_err_set(e, EX_UNAVAILABLE, RESOLV_CONF ": %s", strerror(errno));
	while (getline(&line, &cap, f) != -1)
		read_line(r, line);
	if (ferror(f))
		rc = clb_err_set(e, EX_UNAVAILABLE, RESOLV_CONF ": %s", strerror(errno));
	else if (r->servers.n == 0)
		rc = clb_err_set(e, EX_UNAVAILABLE, RESOLV_CONF ": no nameserver");
	clb_buf_addc(&r->servers, '\0');
	free(line);
	fclose(f);
	return rc;
}

static void
release_resolv(struct resolv *r)
{
	clear_search(r);
	free(r->domain);
	clb_buf_release(&r->servers);
}

/* The i-th name to ask for, as a new string with a final dot; NULL behind the last. */
static char *
candidate(const struct resolv *r, const char *name, size_t i)
{
	size_t n = strlen(name), dots = 0, as_it_is;

	if (n > 0 && name[n - 1] == '.')
		return i == 0 ? clb_xstrdup(name) : NULL;
	for (const char *p = name; *p != '\0'; p++)
		dots += *p == '.';
	as_it_is = dots >= (size_t)r->ndots ? 0 : r->ndomain;
	if (i == as_it_is)
		return clb_xasprintf("%s.", name);
	i -= i > as_it_is;
	return i < r->ndomain ? clb_xasprintf("%s.%s.", name, r->domain[i]) : NULL;
}

/* ---- the answer as a document ---- */

/* Groups, each as JSON. */
struct groups {
	const struct clb_dns *d;
	char **group;
	size_t n, cap;
};

static void
add_label(struct clb_buf *b, const char *name, const char *value)
{
	clb_buf_printf(b, "%s\"__meta_dns_%s\":", b->p[b->n - 1] == '{' ? "" : ",", name);
	clb_json_string(b, clb_str(value));
}

/*
 * A record: where its target is, and the labels that tell of it. record is the
 * name in it, with the final dot, and port that of an SRV record; or NULL.
 */
static void
add_group(struct groups *g, const char *host, unsigned port, const char *record,
    const char *srv_port)
{
	char *type = clb_xstrdup(clb_dns_type_name(g->d->type)), *label, *address;
	struct clb_buf b = { NULL, 0, 0 };

	for (char *p = type; *p != '\0'; p++)
		*p = (char)(*p | 0x20);
	clb_buf_adds(&b, "{\"labels\":{");
	add_label(&b, "name", g->d->name);
	if (record != NULL) {
		label = clb_xasprintf("%s_record_target", type);
		add_label(&b, label, record);
		free(label);
	}
	if (srv_port != NULL)
		add_label(&b, "srv_record_port", srv_port);
	address = clb_xasprintf(strchr(host, ':') != NULL ? "[%s]:%u" : "%s:%u", host, port);
	clb_buf_adds(&b, "},\"targets\":[");
	clb_json_string(&b, clb_str(address));
	clb_buf_add(&b, "]}", sizeof("]}"));
	if (g->n == g->cap) {
		g->cap = g->cap != 0 ? g->cap * 2 : 16;
		g->group = clb_xreallocarray(g->group, g->cap, sizeof(*g->group));
	}
	g->group[g->n++] = b.p;
	free(address);
	free(type);
}

/* The same for a record that holds a name; final dots are put right. */
static void
add_named(struct groups *g, const char *name, unsigned port, const char *srv_port)
{
	size_t n = strlen(name);
	char *host, *record;

	while (n > 0 && name[n - 1] == '.')
		n--;
	host = clb_xstrndup(name, n);
	record = clb_xasprintf("%s.", host);
	add_group(g, host, port, record, srv_port);
	free(record);
	free(host);
}

static int
read_a(struct groups *g, const unsigned char *p, int n)
{
	int count = n / 16 + 1, status;	/* a record takes 16 bytes at least */
	struct ares_addrttl *a = clb_xcalloc((size_t)count, sizeof(*a));
	char host[INET_ADDRSTRLEN];

	status = ares_parse_a_reply(p, n, NULL, a, &count);
	for (int i = 0; status == ARES_SUCCESS && i < count; i++)
		add_group(g, inet_ntop(AF_INET, &a[i].ipaddr, host, sizeof(host)), g->d->port,
		    NULL, NULL);
	free(a);
	return status;
}

/* As Go writes an address: as IPv4 if it maps one, but not if it only ends like one. */
static void
format_ip6(const unsigned char b[16], char host[INET6_ADDRSTRLEN])
{
	static const unsigned char zero[12], mapped[12] = { [10] = 0xff, [11] = 0xff };

	if (memcmp(b, mapped, sizeof(mapped)) == 0)
		inet_ntop(AF_INET, b + 12, host, INET6_ADDRSTRLEN);
	else if (memcmp(b, zero, sizeof(zero)) == 0 && (b[12] != 0 || b[13] != 0))
		snprintf(host, INET6_ADDRSTRLEN, "::%x:%x", b[12] << 8 | b[13], b[14] << 8 | b[15]);
	else
		inet_ntop(AF_INET6, b, host, INET6_ADDRSTRLEN);
}

static int
read_aaaa(struct groups *g, const unsigned char *p, int n)
{
	int count = n / 28 + 1, status;
	struct ares_addr6ttl *a = clb_xcalloc((size_t)count, sizeof(*a));
	char host[INET6_ADDRSTRLEN];

	status = ares_parse_aaaa_reply(p, n, NULL, a, &count);
	for (int i = 0; status == ARES_SUCCESS && i < count; i++) {
		format_ip6((const unsigned char *)&a[i].ip6addr, host);
		add_group(g, host, g->d->port, NULL, NULL);
	}
	free(a);
	return status;
}

static int
read_srv(struct groups *g, const unsigned char *p, int n)
{
	struct ares_srv_reply *all = NULL;
	int status = ares_parse_srv_reply(p, n, &all);
	char port[16];

	for (const struct ares_srv_reply *r = all; r != NULL; r = r->next) {
		snprintf(port, sizeof(port), "%u", (unsigned)r->port);
		add_named(g, r->host, r->port, port);
	}
	if (all != NULL)
		ares_free_data(all);
	return status;
}

static int
read_mx(struct groups *g, const unsigned char *p, int n)
{
	struct ares_mx_reply *all = NULL;
	int status = ares_parse_mx_reply(p, n, &all);

	for (const struct ares_mx_reply *r = all; r != NULL; r = r->next)
		add_named(g, r->host, g->d->port, NULL);
	if (all != NULL)
		ares_free_data(all);
	return status;
}

static int
read_ns(struct groups *g, const unsigned char *p, int n)
{
	struct hostent *h = NULL;
	int status = ares_parse_ns_reply(p, n, &h);

	for (char **name = h != NULL ? h->h_aliases : NULL; name != NULL && *name != NULL; name++)
		add_named(g, *name, g->d->port, NULL);
	if (h != NULL)
		ares_free_hostent(h);
	return status;
}

static const struct {
	int type;
	int (*read)(struct groups *g, const unsigned char *p, int n);
} types[] = {
	[CLB_DNS_A] = { ns_t_a, read_a }, [CLB_DNS_AAAA] = { ns_t_aaaa, read_aaaa },
	[CLB_DNS_SRV] = { ns_t_srv, read_srv }, [CLB_DNS_MX] = { ns_t_mx, read_mx },
	[CLB_DNS_NS] = { ns_t_ns, read_ns }
};

static int
by_bytes(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The groups of an answer into d->doc; c-ares's status if it makes no sense. */
static int
read_answer(struct clb_dns *d, const unsigned char *p, int n)
{
	struct groups g = { d, NULL, 0, 0 };
	int status = n != 0 ? types[d->type].read(&g, p, n) : ARES_ENODATA;

	if (status == ARES_ENODATA)	/* aliases alone are no failure */
		status = ARES_SUCCESS;
	if (g.n != 0)
		qsort(g.group, g.n, sizeof(*g.group), by_bytes);
	if (status == ARES_SUCCESS)
		clb_buf_addc(&d->doc, '[');
	for (size_t i = 0; i < g.n; i++) {
		if (status == ARES_SUCCESS)
			clb_buf_printf(&d->doc, "%s%s", i != 0 ? "," : "", g.group[i]);
		free(g.group[i]);
	}
	if (status == ARES_SUCCESS)
		clb_buf_adds(&d->doc, "]\n");
	free(g.group);
	return status;
}

/* ---- one lookup ---- */

static void
finish(struct lookup *l)
{
	l->all->running--;
	free(l->candidate);
	free(l->failed_at);
	free(l);
}

static void on_answer(void *arg, int status, int timeouts, unsigned char *p, int n);

/* Ask for the next candidate; with none left, say what became of the others. */
static void
ask(struct lookup *l)
{
	const char *type = clb_dns_type_name(l->d->type);

	free(l->candidate);
	l->candidate = candidate(&l->all->conf, l->d->name, l->tried++);
	if (l->candidate != NULL) {
		ares_query(l->all->channel, l->candidate, ns_c_in, types[l->d->type].type,
		    on_answer, l);
		return;
	}
	if (l->failed == ARES_SUCCESS)
		read_answer(l->d, NULL, 0);
	else
		/* In our words: c-ares's differ from version to version. */
		clb_err_set(&l->d->err, EX_UNAVAILABLE, l->failed == ARES_EBADNAME ?
		    "%s %s: '%s' is no domain name" :
		    "%s %s: no server has a usable answer for '%s'", type, l->d->name, l->failed_at);
	finish(l);
}

static void
on_answer(void *arg, int status, int timeouts, unsigned char *p, int n)
{
	struct lookup *l = arg;

	(void)timeouts;
	if (status == ARES_ENODATA)
		n = 0;
	if ((status == ARES_SUCCESS || status == ARES_ENODATA) &&
	    (status = read_answer(l->d, p, n)) == ARES_SUCCESS) {
		finish(l);
		return;
	}
	if (status != ARES_ENOTFOUND && l->failed == ARES_SUCCESS) {
		l->failed = status;
		l->failed_at = clb_xstrdup(l->candidate);
	}
	ask(l);
}

/* ---- many of them ---- */

/* c-ares tells which descriptors it waits for. */
static void
on_socket(void *arg, ares_socket_t fd, int readable, int writable)
{
	struct lookups *all = arg;
	size_t i;

	for (i = 0; i < all->nfd && all->fd[i].fd != fd; i++)
		;
	if (!readable && !writable) {
		if (i < all->nfd)
			all->fd[i] = all->fd[--all->nfd];
		return;
	}
	if (i == all->nfd) {
		all->fd = clb_xreallocarray(all->fd, ++all->nfd, sizeof(*all->fd));
		all->fd[i].fd = fd;
	}
	all->fd[i].events = (short)((readable ? POLLIN : 0) | (writable ? POLLOUT : 0));
}

/* Wait until something happens, and let c-ares have it. */
static void
turn(struct lookups *all)
{
	struct timeval most = { 1, 0 }, tv, *t = ares_timeout(all->channel, &most, &tv);
	size_t n = all->nfd;
	struct pollfd *fd = clb_xcalloc(n, sizeof(*fd));

	/* A copy: what c-ares does next changes the original. */
	if (n != 0)
		memcpy(fd, all->fd, n * sizeof(*fd));
	if (poll(fd, n, (int)(t->tv_sec * 1000 + t->tv_usec / 1000 + 1)) <= 0)
		ares_process_fd(all->channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
	else
		for (size_t i = 0; i < n; i++)
			if (fd[i].revents != 0)
				ares_process_fd(all->channel,
				    fd[i].revents & ~POLLOUT ? fd[i].fd : ARES_SOCKET_BAD,
				    fd[i].revents & POLLOUT ? fd[i].fd : ARES_SOCKET_BAD);
	free(fd);
}

/* Start lookups until enough are under way. */
static void
fill(struct lookups *all)
{
	while (all->running < CLB_DNS_AT_ONCE && all->next < all->n) {
		struct lookup *l = clb_xcalloc(1, sizeof(*l));

		l->all = all;
		l->d = &all->d[all->next++];
		all->running++;
		ask(l);
	}
}

/* Everything is set here, so that c-ares asks neither the environment nor the host's name. */
static int
open_channel(struct lookups *all, struct clb_err *e)
{
	char lookups[] = "b";
	struct ares_options o = {
		.flags = ARES_FLAG_EDNS | ARES_FLAG_NOSEARCH | ARES_FLAG_NOALIASES,
		.timeout = TIMEOUT_MS, .tries = TRIES, .ndots = (int)all->conf.ndots,
		.domains = NULL, .ndomains = 0, .lookups = lookups, .ednspsz = EDNS_BYTES,
		.sock_state_cb = on_socket, .sock_state_cb_data = all
	};
	int status;

	status = ares_init_options(&all->channel, &o, ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS |
	    ARES_OPT_TRIES | ARES_OPT_NDOTS | ARES_OPT_DOMAINS | ARES_OPT_LOOKUPS |
	    ARES_OPT_EDNSPSZ | ARES_OPT_NOROTATE | ARES_OPT_SOCK_STATE_CB);
	if (status == ARES_SUCCESS)
		status = ares_set_servers_csv(all->channel, all->conf.servers.p);
	if (status != ARES_SUCCESS)
		return clb_err_set(e, EX_UNAVAILABLE, RESOLV_CONF ": %s", ares_strerror(status));
	return 0;
}

void
clb_dns_lookup(struct clb_dns *d, size_t n)
{
	struct sigaction ignore = { .sa_handler = SIG_IGN }, old;
	struct lookups all = { .d = d, .n = n };
	struct clb_err e = CLB_ERR_INIT;

	if (n == 0)
		return;
	for (size_t i = 0; i < n; i++) {
		d[i].doc = (struct clb_buf){ NULL, 0, 0 };
		d[i].err = (struct clb_err)CLB_ERR_INIT;
	}
	/* c-ares writes to a server that hung up without a thought. */
	sigaction(SIGPIPE, &ignore, &old);
	/* With our allocators c-ares never runs out of memory: we do. */
	ares_library_init_mem(ARES_LIB_INIT_ALL, clb_xmalloc, free, clb_xrealloc);
	if (read_resolv(&all.conf, &e) == 0 && open_channel(&all, &e) == 0)
		for (fill(&all); all.running > 0; fill(&all))
			turn(&all);
	for (size_t i = 0; i < n && e.status != 0; i++)
		clb_err_set(&d[i].err, e.status, "%s %s: %s", clb_dns_type_name(d[i].type),
		    d[i].name, e.msg);
	if (all.channel != NULL)
		ares_destroy(all.channel);
	ares_library_cleanup();
	sigaction(SIGPIPE, &old, NULL);
	release_resolv(&all.conf);
	free(all.fd);
}

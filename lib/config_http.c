/* The fields that say how to speak HTTP: conflicts, and what discovery needs. */
#include "lib/config_decode.h"
#include "lib/json.h"

/* How many of the fields a and b and c (NULL: none) have a text. */
static int
count(const struct clb_value *v, const char *a, const char *b, const char *c)
{
	return clb_value_has(v, a) + clb_value_has(v, b) + (c != NULL && clb_value_has(v, c));
}

int
clb_tls_check(struct clb_decode *d, struct clb_value *v)
{
	int cert = count(v, "cert", "cert_file", "cert_ref");
	int key = count(v, "key", "key_file", "key_ref");
	const char *why = NULL;

	if (count(v, "ca", "ca_file", "ca_ref") > 1)
		why = "at most one of ca, ca_file & ca_ref must be configured";
	else if (cert > 1)
		why = "at most one of cert, cert_file & cert_ref must be configured";
	else if (key > 1)
		why = "at most one of key, key_file & key_ref must be configured";
	else if (cert == 1 && key == 0)
		why = "exactly one of key or key_file must be configured when a client certificate is configured";
	else if (key == 1 && cert == 0)
		why = "exactly one of cert or cert_file must be configured when a client key is configured";
	return why != NULL ? clb_decode_fail(d, v->node, "%s", why) : 0;
}

static const char *
check_proxy(const struct clb_value *v)
{
	int environment = clb_value_get(v, "proxy_from_environment")->u != 0;
	int url = clb_value_has(v, "proxy_url"), no_proxy = clb_value_has(v, "no_proxy");

	if (clb_value_get(v, "proxy_connect_header")->n != 0 && !url && !environment)
		return "if proxy_connect_header is configured, proxy_url or proxy_from_environment must also be configured";
	if (environment && url)
		return "if proxy_from_environment is configured, proxy_url must not be configured";
	if (environment && no_proxy)
		return "if proxy_from_environment is configured, no_proxy must not be configured";
	if (no_proxy && !url)
		return "if no_proxy is configured, proxy_url must also be configured";
	return NULL;
}

static const char *
check_oauth2(const struct clb_value *v)
{
	if (!clb_value_has(v, "client_id"))
		return "oauth2 client_id must be configured";
	if (!clb_value_has(v, "token_url"))
		return "oauth2 token_url must be configured";
	if (count(v, "client_secret", "client_secret_file", "client_secret_ref") > 1)
		return "at most one of oauth2 client_secret, client_secret_file & client_secret_ref must be configured";
	return check_proxy(v);
}

static const char *
check_basic_auth(const struct clb_value *v)
{
	if (count(v, "username", "username_file", "username_ref") > 1)
		return "at most one of basic_auth username, username_file & username_ref must be configured";
	if (count(v, "password", "password_file", "password_ref") > 1)
		return "at most one of basic_auth password, password_file & password_ref must be configured";
	return NULL;
}

static struct clb_str
trim(struct clb_str s)
{
	for (; s.n != 0 && strchr(" \t\n\v\f\r", *s.s) != NULL; s.s++)
		s.n--;
	for (; s.n != 0 && strchr(" \t\n\v\f\r", s.s[s.n - 1]) != NULL; s.n--)
		;
	return s;
}

static const char *
check_authorization(struct clb_value *v)
{
	struct clb_value *type = clb_value_get(v, "type");

	if (count(v, "credentials", "credentials_file", "credentials_ref") > 1)
		return "at most one of authorization credentials & credentials_file must be configured";
	clb_value_set(type, trim(type->str));
	if (type->str.n == 0)
		clb_value_set(type, CLB_STR("Bearer"));
	if (type->str.n == 5 && strncasecmp(type->str.s, "basic", 5) == 0)
		return "authorization type cannot be set to \"basic\", use \"basic_auth\" instead";
	return NULL;
}

/* The headers that belong to the client. */
static int
is_reserved(struct clb_str name)
{
	static const char *const reserved[] = {
		"accept-encoding", "authorization", "connection", "content-encoding",
		"content-length", "content-type", "host", "keep-alive", "proxy-authenticate",
		"proxy-authorization", "user-agent", "www-authenticate", "x-amz-content-sha256",
		"x-amz-date", "x-amz-security-token", "x-prometheus-remote-read-version",
		"x-prometheus-remote-write-version", "x-prometheus-scrape-timeout-seconds",
	};
	size_t i;

	for (i = 0; i < sizeof(reserved) / sizeof(reserved[0]); i++)
		if (strlen(reserved[i]) == name.n &&
		    strncasecmp(reserved[i], name.s, name.n) == 0)
			return 1;
	return 0;
}

static int
check_headers(struct clb_decode *d, const struct clb_value *v)
{
	for (size_t i = 0; i < v->n; i++)
		if (is_reserved(v->item[i].key))
			return clb_decode_fail(d, v->item[i].key_node,
			    "setting header \"%.*s\" is not allowed", (int)v->item[i].key.n,
			    v->item[i].key.s);
	return 0;
}

/* bearer_token and bearer_token_file are old names of two fields of authorization. */
static int
move_bearer_token(struct clb_decode *d, struct clb_value *v)
{
	static const char *const from[] = { "bearer_token", "bearer_token_file" };
	static const char *const to[] = { "credentials", "credentials_file" };
	struct clb_value *authorization = clb_value_get(v, "authorization");
	const struct clb_yaml_node empty = { .kind = CLB_YAML_MAPPING };

	for (size_t i = 0; i < 2; i++) {
		struct clb_value *token = clb_value_get(v, from[i]);

		if (!clb_value_has(v, from[i]))
			continue;
		if (clb_decode(d, &empty, authorization) == -1)
			return -1;
		authorization->node = token->node;
		clb_value_set(clb_value_get(authorization, to[i]), token->str);
		clb_value_set(clb_value_get(authorization, "type"), CLB_STR("Bearer"));
		token->present = 0;
	}
	return 0;
}

int
clb_http_check(struct clb_decode *d, struct clb_value *v)
{
	struct clb_value *basic = clb_value_get(v, "basic_auth");
	struct clb_value *oauth2 = clb_value_get(v, "oauth2");
	struct clb_value *authorization = clb_value_get(v, "authorization");
	struct clb_value *headers = clb_value_get(v, "http_headers");
	int token = count(v, "bearer_token", "bearer_token_file", NULL);
	const struct clb_yaml_node *at = v->node;
	const char *why = NULL;

	if (token > 1)
		why = "at most one of bearer_token & bearer_token_file must be configured";
	else if ((basic->present || oauth2->present) && token != 0)
		why = "at most one of basic_auth, oauth2, bearer_token & bearer_token_file must be configured";
	else if (authorization->present && token != 0)
		why = "authorization is not compatible with bearer_token & bearer_token_file";
	else if (basic->present + oauth2->present + authorization->present > 1)
		why = "at most one of basic_auth, oauth2 & authorization must be configured";
	if (why == NULL && basic->present && (why = check_basic_auth(basic)) != NULL)
		at = basic->node;
	if (why == NULL && authorization->present &&
	    (why = check_authorization(authorization)) != NULL)
		at = authorization->node;
	if (why == NULL && oauth2->present && (why = check_oauth2(oauth2)) != NULL)
		at = oauth2->node;
	if (why == NULL)
		why = check_proxy(v);
	if (why != NULL)
		return clb_decode_fail(d, at, "%s", why);
	if (check_headers(d, headers) == -1)
		return -1;
	return move_bearer_token(d, v);
}

/*
 * Some fields tell an empty value from none, as Prometheus compares pointers
 * to what was read. Of a tls_config the values count.
 */
const struct clb_value *
clb_http_custom(const struct clb_value *v)
{
	static const char *const given[] = {
		"basic_auth", "authorization", "oauth2", "proxy_connect_header", "http_headers"
	};
	const struct clb_value *tls = clb_value_get(v, "tls_config"), *f;

	for (size_t i = 0; i < sizeof(given) / sizeof(given[0]); i++)
		if ((f = clb_value_get(v, given[i]))->present)
			return f;
	f = clb_value_get(v, "proxy_url");
	if (f->node != NULL && !clb_yaml_is_null(f->node))
		return f;
	if (clb_value_has(v, "no_proxy"))
		return clb_value_get(v, "no_proxy");
	if ((f = clb_value_get(v, "proxy_from_environment"))->u != 0)
		return f;
	if ((f = clb_value_get(v, "follow_redirects"))->u == 0 ||
	    (f = clb_value_get(v, "enable_http2"))->u == 0)
		return f;
	for (size_t i = 0; tls->present && i < tls->n; i++)
		if (tls->item[i].u != 0 || tls->item[i].str.n != 0 || tls->item[i].n != 0)
			return tls;
	return NULL;
}

/* ---- for discovery ---- */

/* The field's text as a string of its own, or NULL where there is none. */
static char *
text(struct clb_decode *d, const struct clb_value *v, const char *name)
{
	const struct clb_value *f = clb_value_get(v, name);

	return f->present && f->str.n != 0 ?
	    (char *)clb_arena_str(d->arena, f->str.s, f->str.n).s : NULL;
}

static void
fill_tls(struct clb_decode *d, struct clb_http_client *c, const struct clb_value *v)
{
	c->ca = text(d, v, "ca");
	c->ca_file = text(d, v, "ca_file");
	c->cert = text(d, v, "cert");
	c->cert_file = text(d, v, "cert_file");
	c->key = text(d, v, "key");
	c->key_file = text(d, v, "key_file");
	c->server_name = text(d, v, "server_name");
	c->min_version = text(d, v, "min_version");
	c->max_version = text(d, v, "max_version");
	c->insecure_skip_verify = clb_value_get(v, "insecure_skip_verify")->u != 0;
}

static int
fill_headers(struct clb_decode *d, struct clb_http_client *c, const struct clb_value *v)
{
	size_t n = 0;

	for (size_t i = 0; i < v->n; i++) {
		const struct clb_value *h = &v->item[i];

		if (h->present && clb_value_get(h, "files")->n != 0)
			return clb_decode_fail(d, h->key_node,
			    "files in http_headers are not supported in http_sd_configs");
		if (h->present)
			n += clb_value_get(h, "values")->n + clb_value_get(h, "secrets")->n;
	}
	c->header = clb_arena_alloc(d->arena, n * sizeof(*c->header) + 1);
	for (size_t i = 0; i < v->n; i++) {
		static const char *const parts[] = { "values", "secrets" };
		const struct clb_value *h = &v->item[i], *part;

		for (size_t k = 0; h->present && k < 2; k++) {
			part = clb_value_get(h, parts[k]);
			for (size_t j = 0; j < part->n; j++)
				c->header[c->nheader++] =
				    (struct clb_label){ h->key, part->text[j] };
		}
	}
	return 0;
}

int
clb_http_fill(struct clb_decode *d, struct clb_http_client *c, const struct clb_value *v)
{
	const struct clb_value *basic = clb_value_get(v, "basic_auth");
	const struct clb_value *authorization = clb_value_get(v, "authorization");
	static const char *const unsupported[] = { "oauth2", "proxy_connect_header" };

	for (size_t i = 0; i < 2; i++) {
		const struct clb_value *f = clb_value_get(v, unsupported[i]);

		if (f->present && f->n != 0)
			return clb_decode_fail(d, f->node, "%s is not supported in http_sd_configs",
			    unsupported[i]);
	}
	if (basic->present) {
		c->username = text(d, basic, "username");
		c->username_file = text(d, basic, "username_file");
		c->password = text(d, basic, "password");
		c->password_file = text(d, basic, "password_file");
	}
	if (authorization->present) {
		c->auth_type = text(d, authorization, "type");
		c->credentials = text(d, authorization, "credentials");
		c->credentials_file = text(d, authorization, "credentials_file");
	}
	if (clb_value_get(v, "tls_config")->present)
		fill_tls(d, c, clb_value_get(v, "tls_config"));
	c->proxy_url = text(d, v, "proxy_url");
	c->no_proxy = text(d, v, "no_proxy");
	c->proxy_from_environment = clb_value_get(v, "proxy_from_environment")->u != 0;
	c->follow_redirects = clb_value_get(v, "follow_redirects")->u != 0;
	c->enable_http2 = clb_value_get(v, "enable_http2")->u != 0;
	return fill_headers(d, c, clb_value_get(v, "http_headers"));
}

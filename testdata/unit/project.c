/*
 * Lists read in pieces hold what jansson finds in the whole, however the input
 * comes; and a shape takes from a document what is there without it.
 */
#include <jansson.h>
#include <unistd.h>
#include <sys/wait.h>

#include "lib/project.h"
#include "testdata/unit/check.h"

static uint64_t seed = 42;

static void
put_space(struct clb_buf *b)
{
	static const char *const spaces[] = { "", "", "", " ", "\n\t", "\r\n    " };

	clb_buf_adds(b, spaces[check_random(&seed) % 6]);
}

/* Any value, with brackets and quotes in its strings. */
static void
put_value(struct clb_buf *b, int depth)
{
	static const char *const scalars[] = { "1", "-2.5e3", "true", "null", "\"\"",
	    "\"]}\\\"[{\"", "\"\\\\\"", "\"items\"", "\"\\u00e9\\\\\\\"\"" };
	uint64_t r = check_random(&seed) % 12;
	int n = (int)(check_random(&seed) % 4);

	if (depth > 4 || r < 9) {
		clb_buf_adds(b, scalars[r % 9]);
		return;
	}
	clb_buf_addc(b, r == 9 ? '[' : '{');
	for (int i = 0; i < n; i++) {
		if (i > 0)
			clb_buf_addc(b, ',');
		put_space(b);
		if (r != 9)
			clb_buf_printf(b, "\"items%d\":", i);
		put_value(b, depth + 1);
		put_space(b);
	}
	clb_buf_addc(b, r == 9 ? ']' : '}');
}

/* An object with items at a random place, and n elements in them. */
static void
put_list(struct clb_buf *b, int n)
{
	int members = (int)(check_random(&seed) % 4), at = (int)(check_random(&seed) % 4);

	if (at > members)
		at = members;
	put_space(b);
	clb_buf_addc(b, '{');
	for (int i = 0; i <= members; i++) {
		if (i > 0)
			clb_buf_addc(b, ',');
		put_space(b);
		if (i != at) {
			clb_buf_printf(b, "\"m%d\":", i);
			put_space(b);
			put_value(b, 0);
			put_space(b);
			continue;
		}
		clb_buf_adds(b, "\"items\"");
		put_space(b);
		clb_buf_adds(b, ":");
		put_space(b);
		clb_buf_addc(b, '[');
		for (int k = 0; k < n; k++) {
			if (k > 0)
				clb_buf_addc(b, ',');
			put_space(b);
			put_value(b, 0);
			put_space(b);
		}
		clb_buf_addc(b, ']');
		put_space(b);
	}
	clb_buf_addc(b, '}');
	put_space(b);
}

/* Write b to fd, in small parts, from another process. */
static pid_t
feed(int fd, const struct clb_buf *b, size_t part)
{
	pid_t pid = fork();

	if (pid != 0)
		return pid;
	for (size_t i = 0; i < b->n; i += part)
		if (write(fd, b->p + i, b->n - i < part ? b->n - i : part) == -1)
			_exit(1);
	_exit(0);
}

static int
equal(const struct clb_json *j, const json_t *want)
{
	struct clb_buf text = { NULL, 0, 0 };
	json_t *got;
	int same;

	clb_json_value(&text, j, 0);
	got = json_loadb(text.p, text.n, JSON_DECODE_ANY, NULL);
	same = json_equal(got, want);
	json_decref(got);
	clb_buf_release(&text);
	return same;
}

static void
check_pieces(const struct clb_buf *text, size_t part)
{
	struct clb_err e = CLB_ERR_INIT;
	struct clb_stream s;
	json_t *want = json_loadb(text->p, text->n, 0, NULL), *items = json_object_get(want, "items");
	size_t i = 0;
	int fds[2], got;
	pid_t pid;

	CHECK(want != NULL, "the test's own list: %.*s", (int)text->n, text->p);
	if (pipe(fds) == -1 || (pid = feed(fds[1], text, part)) == -1)
		abort();
	close(fds[1]);
	clb_stream_init(&s, fds[0], "list");
	while ((got = clb_stream_piece(&s, "items", &e)) == 1) {
		CHECK(equal(&s.json, json_array_get(items, i)), "element %zu", i);
		i++;
	}
	CHECK(got == 2 && s.has_array, "%d: %s", got, e.msg);
	CHECK(i == json_array_size(items), "%zu elements of %zu", i, json_array_size(items));
	json_object_del(want, "items");
	CHECK(got != 2 || equal(&s.json, want), "the rest");
	CHECK(clb_stream_piece(&s, "items", &e) == 0, "%s", e.msg);
	clb_stream_release(&s);
	close(fds[0]);
	waitpid(pid, NULL, 0);
	json_decref(want);
}

/* Of the document at text, the shape {a: all, b: {c}}. */
static void
check_shape(const char *text, const char *want)
{
	static const struct clb_json_shape b[] = { { CLB_STR_INIT("c"), NULL, 0 } };
	static const struct clb_json_shape members[] = {
		{ CLB_STR_INIT("a"), NULL, 0 }, { CLB_STR_INIT("b"), b, 1 }
	};
	static const struct clb_json_shape shape = { CLB_STR_INIT(""), members, 2 };
	struct clb_buf padded = { NULL, 0, 0 }, out = { NULL, 0, 0 };
	struct clb_json j = { 0 };

	clb_buf_adds(&padded, text);
	clb_buf_reserve(&padded, CLB_JSON_PADDING);
	if (clb_json_parse_shape(&j, padded.p, padded.n, &shape) == 0)
		clb_json_value(&out, &j, 0);
	else
		clb_buf_adds(&out, "error");
	clb_buf_addc(&out, '\0');
	CHECK(strcmp(out.p, want) == 0, "%s: %s, not %s", text, out.p, want);
	clb_buf_release(&padded);
	clb_buf_release(&out);
	clb_json_release(&j);
}

int
main(void)
{
	struct clb_buf text = { NULL, 0, 0 };

	for (int i = 0; i < 300; i++) {
		text.n = 0;
		put_list(&text, (int)(check_random(&seed) % 8));
		check_pieces(&text, 1 + check_random(&seed) % 40);
	}
	text.n = 0;
	put_list(&text, 200000);
	check_pieces(&text, 65536);
	clb_buf_release(&text);

	check_shape("{\"a\":{\"x\":[1,{}]},\"z\":{\"a\":1},\"b\":{\"a\":1,\"c\":2}}",
	    "{\"a\":{\"x\":[1,{}]},\"b\":{\"c\":2}}");
	check_shape("{\"b\":[{\"c\":1,\"d\":[[]]},3,{\"d\":1},[{\"c\":null}]]}",
	    "{\"b\":[{\"c\":1},3,{},[{\"c\":null}]]}");
	check_shape("{\"\\u0061\":1,\"\\u0064\":2}", "{\"a\":1}");
	check_shape("{\"z\":\"\\\"}\",\"a\":\"}\"}", "{\"a\":\"}\"}");
	check_shape("[1]", "[1]");
	check_shape("7", "7");
	check_shape("{\"z\":[1,2", "error");
	check_shape("{\"z\":\"\xff\"}", "error");
	check_shape("{\"z\":1}}", "error");
	return check_end();
}

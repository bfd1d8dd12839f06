/* Which line of a weights file means which target. */
#include <sys/mman.h>
#include <unistd.h>

#include "lib/weights.h"
#include "testdata/unit/check.h"

/* The stream over a file in memory, which the caller closes with the descriptor. */
static void
open_text(struct clb_stream *s, const char *text, size_t n)
{
	int fd = memfd_create("weights", MFD_CLOEXEC);

	if (fd == -1 || write(fd, text, n) != (ssize_t)n || lseek(fd, 0, SEEK_SET) == -1)
		abort();
	clb_stream_init(s, fd, "weights");
}

static void
close_text(struct clb_stream *s)
{
	close(s->fd);
	clb_stream_release(s);
}

static void
read_text(struct clb_weights *w, const char *text, const char *error)
{
	struct clb_err e = CLB_ERR_INIT;
	struct clb_stream s;

	open_text(&s, text, strlen(text));
	clb_weights_read(w, &s, &e);
	CHECK(strcmp(e.msg, error) == 0, "'%s' instead of '%s'", e.msg, error);
	CHECK((e.status == 0) == (*error == '\0'), "status %d", e.status);
	close_text(&s);
}

/* The weight of the target in the line, 0 if it is not measured. */
static uint64_t
weight_of(struct clb_weights *w, const char *line)
{
	const struct clb_weight *found = NULL;
	struct clb_err e = CLB_ERR_INIT;
	struct clb_target t = { 0 };
	struct clb_stream s;
	uint64_t weight;

	open_text(&s, line, strlen(line));
	CHECK(clb_target_next(&t, &s, &e) == 1, "%s", e.msg);
	found = clb_weights_find(w, &t);
	weight = found != NULL ? found->weight : 0;
	clb_target_release(&t);
	close_text(&s);
	return weight;
}

#define NODE(id, instance) "{\"id\":\"" id "\",\"job\":\"nodes\",\"labels\":{" \
	"\"instance\":\"" instance "\",\"job\":\"node\"}}\n"

static void
test_newest(void)
{
	struct clb_weights w = { 0 };

	CHECK(weight_of(&w, NODE("0000000000000001", "h:1")) == 0, "nothing is measured");
	read_text(&w,
	    "{\"id\":\"0000000000000001\",\"weight\":10}\n"
	    "{\"id\":\"0000000000000000\",\"weight\":11}\n"
	    "{\"match\":{\"job\":\"node\",\"instance\":\"h:2\"},\"weight\":12}\n"
	    "{\"match\":{\"instance\":\"h:3\",\"job\":\"node\"},\"job\":\"nodes\",\"weight\":13}\n"
	    "{\"match\":{\"instance\":\"h:4\"},\"job\":\"others\",\"weight\":14}\n"
	    "{\"match\":{\"instance\":\"h:5\",\"gone\":\"\"},\"weight\":15}\n", "");
	CHECK(weight_of(&w, NODE("0000000000000001", "h:1")) == 10, "by id");
	CHECK(weight_of(&w, NODE("0000000000000000", "h:1")) == 11, "id 0 is one like others");
	CHECK(weight_of(&w, NODE("00000000000000ff", "h:2")) == 12, "by labels");
	CHECK(weight_of(&w, NODE("00000000000000ff", "h:3")) == 13, "by labels and job");
	CHECK(weight_of(&w, NODE("00000000000000ff", "h:4")) == 0, "another job");
	CHECK(weight_of(&w, NODE("00000000000000ff", "h:5")) == 15, "a label that is not there");
	CHECK(weight_of(&w, NODE("0000000000000001", "h:2")) == 12, "the newest of both");
	read_text(&w, "{\"id\":\"0000000000000001\",\"weight\":20}\n", "");
	CHECK(weight_of(&w, NODE("0000000000000001", "h:2")) == 20, "another file is newer");
	read_text(&w, "{\"match\":{},\"weight\":30}\n", "");
	CHECK(weight_of(&w, NODE("0000000000000001", "h:2")) == 30, "nothing asked is all");
	clb_weights_release(&w);
}

static void
test_errors(void)
{
	static const struct { const char *text, *error; } bad[] = {
		{ "[]\n", "weights:1:1: a weight must be an object" },
		{ "{\"weight\":1}\n", "weights:1:1: there is neither an id nor a match" },
		{ "{\"id\":\"00\",\"match\":{},\"weight\":1}\n",
		    "weights:1:1: there are both an id and a match" },
		{ "{\"id\":\"00\",\"weight\":1}\n",
		    "weights:1:7: id must be a string of 16 hexadecimal digits" },
		{ "{\"match\":{}}\n", "weights:1:1: there is no weight" },
		{ "{\"match\":{},\"weight\":-1}\n", "weights:1:22: weight must be a whole number "
		    "from 1 to 18446744073709551615" },
		{ "{\"match\":{},\"weight\":NaN}\n", "weights:1:22: invalid value" },
		{ "{\"match\":{\"a\":1},\"weight\":1}\n", "weights:1:15: label 'a' must be a string" },
		{ "{\"match\":{\"a\":\"\",\"a\":\"\"},\"weight\":1}\n",
		    "weights:1:10: label 'a' stands twice" },
		{ "{\"match\":{},\"time\":1,\"time\":2,\"weight\":1}\n",
		    "weights:1:22: field 'time' stands twice" },
		{ "{\"match\":{},\"measured\":-0.5,\"weight\":1}\n",
		    "weights:1:24: measured must be a number that is not negative" },
		{ "{\"match\":{},\"measured\":1e999,\"weight\":1}\n",
		    "weights:1:24: measured must be a number that is not negative" },
		{ "{\"job\":\"\",\"match\":{},\"weight\":1}\n",
		    "weights:1:8: job must be a string that is not empty" },
		{ "{\"match\":{},\"weight\":1}\n{\"match\":{},", "weights:2:13: the line ends without a newline" },
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		struct clb_weights w = { 0 };

		read_text(&w, bad[i].text, bad[i].error);
		clb_weights_release(&w);
	}
}

/* Many shapes are refused, or a look-up would take for ever. */
static void
test_shapes(void)
{
	struct clb_buf text = { NULL, 0, 0 };
	struct clb_weights w = { 0 };

	for (int i = 0; i <= CLB_WEIGHTS_SHAPES; i++)
		clb_buf_printf(&text, "{\"match\":{\"a%d\":\"x\"},\"weight\":1}\n", i);
	clb_buf_addc(&text, '\0');
	read_text(&w, text.p, "weights:65:10: there are more than 64 different sets of labels to match");
	clb_weights_release(&w);
	clb_buf_release(&text);
}

/* Each of many finds its own. */
static void
test_many(void)
{
	struct clb_buf text = { NULL, 0, 0 };
	struct clb_weights w = { 0 };
	struct clb_target t = { .has = CLB_HAS_ID };
	char value[16];

	for (int i = 1; i <= 10000; i++)
		clb_buf_printf(&text, "{\"id\":\"%016x\",\"weight\":%d}\n"
		    "{\"match\":{\"instance\":\"%d\"},\"weight\":%d}\n", i << 12, i, i, 2 * i);
	clb_buf_addc(&text, '\0');
	read_text(&w, text.p, "");
	for (int i = 1; i <= 10000; i++) {
		const struct clb_weight *by_id, *by_match;

		clb_labels_clear(&t.labels);
		t.id = (uint64_t)i << 12;
		by_id = clb_weights_find(&w, &t);
		t.id = 1;
		snprintf(value, sizeof(value), "%d", i);
		clb_labels_set(&t.labels, CLB_STR("instance"), clb_str(value));
		by_match = clb_weights_find(&w, &t);
		CHECK(by_id != NULL && by_id->weight == (uint64_t)i, "id of %d", i);
		CHECK(by_match != NULL && by_match->weight == 2 * (uint64_t)i, "match of %d", i);
	}
	clb_target_release(&t);
	clb_weights_release(&w);
	clb_buf_release(&text);
}

int
main(void)
{
	test_newest();
	test_errors();
	test_shapes();
	test_many();
	return check_end();
}

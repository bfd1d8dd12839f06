/* Label sets: one laid over another is what setting each label makes. */
#include "lib/labels.h"
#include "testdata/unit/check.h"

static const char names[] = "abcdefghijklmnopqrstuvwxyz";

/* A random set of names of one letter, all with that value. */
static void
fill(struct clb_labels *ls, uint64_t *state, struct clb_str value)
{
	clb_labels_clear(ls);
	for (uint64_t n = check_random(state) % 12; n > 0; n--)
		clb_labels_set(ls, (struct clb_str){ &names[check_random(state) % 26], 1, 1 },
		    value);
}

int
main(void)
{
	struct clb_labels under = { 0 }, over = { 0 }, got = { 0 }, want = { 0 };
	uint64_t state = 42;

	for (int i = 0; i < 2000; i++) {
		fill(&under, &state, CLB_STR("under"));
		fill(&over, &state, CLB_STR("over"));
		clb_labels_overlay(&got, &under, over.v, over.n);
		clb_labels_copy(&want, &under);
		for (size_t k = 0; k < over.n; k++)
			clb_labels_set(&want, over.v[k].name, over.v[k].value);
		CHECK(clb_labels_eq(&got, &want), "round %d", i);
		for (size_t k = 1; k < got.n; k++)
			CHECK(clb_str_cmp(got.v[k - 1].name, got.v[k].name) < 0, "round %d", i);
	}
	clb_labels_release(&under);
	clb_labels_release(&over);
	clb_labels_release(&got);
	clb_labels_release(&want);
	return check_end();
}

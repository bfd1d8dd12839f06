/* Selectors: nothing breaks, and what was said of one is said again. */
#include <stdlib.h>

#include "lib/selector.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct clb_str s = { (const char *)p, (uint32_t)n, 0 };
	struct clb_buf text = { NULL, 0, 0 }, two = { NULL, 0, 0 }, t2 = { NULL, 0, 0 };
	int label = clb_selector_check_label(s, &text) == NULL;
	int field = clb_selector_check_field(s, &text) == NULL;

	if (label != (clb_selector_check_label(s, &text) == NULL) ||
	    field != (clb_selector_check_field(s, &text) == NULL))
		abort();
	/* Two good selectors with a comma between are a good one, where neither is empty. */
	clb_buf_add(&two, p, n);
	clb_buf_adds(&two, ",a=b");
	s = (struct clb_str){ two.p, (uint32_t)two.n, 0 };
	if (field && clb_selector_check_field(s, &t2) != NULL)
		abort();
	clb_buf_release(&text);
	clb_buf_release(&two);
	clb_buf_release(&t2);
	return 0;
}

#include <string.h>

#include "lib/sort.h"

#define DIGITS 8

void
clb_sort_keyed(struct clb_keyed *v, struct clb_keyed *tmp, size_t n)
{
	size_t count[DIGITS][256];
	struct clb_keyed *from = v, *to = tmp;

	if (n < 2)
		return;
	memset(count, 0, sizeof(count));
	for (size_t i = 0; i < n; i++)
		for (int d = 0; d < DIGITS; d++)
			count[d][v[i].key >> 8 * d & 255]++;
	for (int d = 0; d < DIGITS; d++) {
		size_t at = 0;
		struct clb_keyed *swap = from;

		if (count[d][from[0].key >> 8 * d & 255] == n)
			continue;
		for (int k = 0; k < 256; k++) {
			size_t here = count[d][k];

			count[d][k] = at;
			at += here;
		}
		for (size_t i = 0; i < n; i++)
			to[count[d][from[i].key >> 8 * d & 255]++] = from[i];
		from = to;
		to = swap;
	}
	if (from != v)
		memcpy(v, from, n * sizeof(*v));
}

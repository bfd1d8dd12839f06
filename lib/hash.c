#include <nettle/md5.h>
#include <stdlib.h>
#include <xxhash.h>

#include "lib/hash.h"

uint64_t
clb_hash_target(struct clb_str job, const struct clb_labels *ls, struct clb_buf *scratch)
{
	size_t need = job.n;
	char *p;

	for (size_t i = 0; i < ls->n; i++)
		need += 2 + (size_t)ls->v[i].name.n + ls->v[i].value.n;
	scratch->n = 0;
	clb_buf_reserve(scratch, need);
	p = (char *)memcpy(scratch->p, job.s, job.n) + job.n;
	for (size_t i = 0; i < ls->n; i++) {
		const struct clb_label *l = &ls->v[i];

		*p++ = (char)0xff;
		if (l->name.n != 0)	/* labelmap can make an empty name */
			p = (char *)memcpy(p, l->name.s, l->name.n) + l->name.n;
		*p++ = (char)0xff;
		p = (char *)memcpy(p, l->value.s, l->value.n) + l->value.n;
	}
	return XXH64(scratch->p, need, 0);
}

uint64_t
clb_hash_md5_tail(const void *p, size_t n)
{
	struct md5_ctx ctx;
	uint8_t sum[MD5_DIGEST_SIZE];
	uint64_t v = 0;

	md5_init(&ctx);
	md5_update(&ctx, n, p);
	md5_digest(&ctx, sizeof(sum), sum);
	for (int i = 8; i < 16; i++)
		v = v << 8 | sum[i];
	return v;
}

uint64_t
clb_hash_xxh64(const void *p, size_t n)
{
	return XXH64(p, n, 0);
}

uint64_t
clb_hash_bytes(const void *p, size_t n)
{
	return XXH3_64bits(p, n);
}

static void
place(struct clb_idset *s, uint64_t id)
{
	/* A hostile input can choose ids with equal low bits; mix them. */
	size_t i = (size_t)(id * 0x9e3779b97f4a7c15u >> 32) & (s->cap - 1);

	while (s->slot[i] != 0)
		i = (i + 1) & (s->cap - 1);
	s->slot[i] = id;
}

static void
grow(struct clb_idset *s)
{
	struct clb_idset bigger = { NULL, s->n, s->cap != 0 ? s->cap * 2 : 64, s->has_zero };

	bigger.slot = clb_xcalloc(bigger.cap, sizeof(*bigger.slot));
	for (size_t i = 0; i < s->cap; i++)
		if (s->slot[i] != 0)
			place(&bigger, s->slot[i]);
	free(s->slot);
	*s = bigger;
}

int
clb_idset_add(struct clb_idset *s, uint64_t id)
{
	size_t i;

	if (id == 0) {
		int fresh = !s->has_zero;

		s->has_zero = 1;
		return fresh;
	}
	if (s->n >= s->cap / 4 * 3)
		grow(s);
	for (i = (size_t)(id * 0x9e3779b97f4a7c15u >> 32) & (s->cap - 1);
	    s->slot[i] != 0; i = (i + 1) & (s->cap - 1))
		if (s->slot[i] == id)
			return 0;
	s->slot[i] = id;
	s->n++;
	return 1;
}

void
clb_idset_release(struct clb_idset *s)
{
	free(s->slot);
	*s = (struct clb_idset){ NULL, 0, 0, 0 };
}

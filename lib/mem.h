#ifndef CLB_MEM_H
#define CLB_MEM_H

/*
 * Memory. Running out of it ends the program with EX_TEMPFAIL and a line on
 * stderr, here and nowhere else, so that no caller has to check.
 */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

void *clb_xmalloc(size_t n);
void *clb_xcalloc(size_t count, size_t n);
void *clb_xrealloc(void *p, size_t n);
void *clb_xreallocarray(void *p, size_t count, size_t n);
char *clb_xstrdup(const char *s);
char *clb_xstrndup(const char *s, size_t n);
/* A new string, printed as by printf(3); the caller frees it. */
char *clb_xasprintf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/*
 * Bytes that are not owned: n bytes at s, which may hold NUL and need not end
 * with one. plain says that the bytes are known to be UTF-8 with nothing in
 * them that JSON escapes, so that they can be written between quotes as they
 * are; 0 means "not known".
 */
struct clb_str {
	const char *s;
	uint32_t n;
	uint32_t plain;
};
#define CLB_STR_INIT(lit) { (lit), sizeof(lit) - 1, 1 }
#define CLB_STR(lit) ((struct clb_str)CLB_STR_INIT(lit))

static inline struct clb_str
clb_str(const char *s)
{
	struct clb_str str = { s, (uint32_t)strlen(s), 0 };

	return str;
}

static inline int
clb_str_eq(struct clb_str a, struct clb_str b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.s, b.s, a.n) == 0);
}

/* By bytes, a prefix first: the order of every sorted output. */
int clb_str_cmp(struct clb_str a, struct clb_str b);

/* Bytes that grow. Zero-initialised is empty; release frees the storage. */
struct clb_buf {
	char *p;
	size_t n, cap;
};

void clb_buf_release(struct clb_buf *b);
/* Make room for n more bytes behind b->n. */
void clb_buf_grow(struct clb_buf *b, size_t n);
void clb_buf_printf(struct clb_buf *b, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

static inline void
clb_buf_reserve(struct clb_buf *b, size_t n)
{
	if (b->cap - b->n < n)
		clb_buf_grow(b, n);
}

static inline void
clb_buf_add(struct clb_buf *b, const void *p, size_t n)
{
	clb_buf_reserve(b, n);
	if (n != 0)
		memcpy(b->p + b->n, p, n);
	b->n += n;
}

static inline void
clb_buf_addc(struct clb_buf *b, char c)
{
	clb_buf_reserve(b, 1);
	b->p[b->n++] = c;
}

static inline void
clb_buf_adds(struct clb_buf *b, const char *s)
{
	clb_buf_add(b, s, strlen(s));
}

/*
 * An arena: memory for what lives as long as one record or one document.
 * clear gives everything back at once and keeps the storage for the next.
 */
struct clb_arena {
	struct clb_arena_block *blocks;	/* all of them, the current one first */
	struct clb_arena_block *spare;
};

void *clb_arena_alloc(struct clb_arena *a, size_t n);
/* A copy of n bytes of s, with a NUL behind it that is not counted. */
struct clb_str clb_arena_str(struct clb_arena *a, const char *s, size_t n);
void clb_arena_clear(struct clb_arena *a);
void clb_arena_release(struct clb_arena *a);

#endif

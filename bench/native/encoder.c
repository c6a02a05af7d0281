/*
 * One pre-norm encoder layer for tokens as plain C that clang compiles for BPF: the integers of the compiler's plan (int16 activations, a scale for each row of
 * weights, tables for exp, GELU and the inverse root) without packed lanes, folding or fusion. bench/compiler-speed.ts defines S, D, H, F, V, C and writes the
 * parameters. Rows are functions of their own, which the verifier walks once each: one function for all would exceed its million instructions.
 */
typedef signed char s8;
typedef short s16;
typedef int s32;
typedef long long s64;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;

#define SEC(name) __attribute__((section(name), used))
#define HD (D / H)

struct requant { s64 add, mul; };

#define LINEAR(NAME, K, N) struct NAME { s16 w[N][K]; struct requant out[N]; }
LINEAR(qkv_t, D, 3 * D);
LINEAR(proj_t, D, D);
LINEAR(up_t, D, F);
LINEAR(down_t, F, D);
LINEAR(head_t, D, C);
struct norm_t { s64 eps; struct { s64 shift, factor; } column[D]; };
struct mix_t { s64 a, b; };

struct weights {
	u16 exp[4096];
	u32 rsqrt[768];
	s16 embed[V][D];
	s32 position[S][D];
	s64 position_mul;
	struct norm_t norm1, norm2, norm3;
	struct qkv_t qkv;
	s64 exp_mul, exp_shift, exp_half;
	s64 mean_mul;
	struct proj_t proj;
	struct mix_t mix1, mix2;
	struct up_t up;
	s16 gelu[1032];
	struct down_t down;
	s64 pool_mul;
	struct head_t head;
};
struct scratch {
	s16 x[S][D], y[S][D], qkv[S][3 * D], o[S][D], h[S][F], g[S][F], f[S][D], pooled[D], p[S];
	s32 scores[S];
};

struct weights params SEC(".data.weights");
struct scratch mem SEC(".data.scratch");
u16 tokens[S] SEC(".data.input");
s32 logits[C] SEC(".data.output");

static inline __attribute__((always_inline)) s64 clamp(s64 v) { return v > 32767 ? 32767 : v < -32768 ? -32767 : v; }

#define LINEAR_ROW(NAME, K, N, FIELD, FROM, TO) \
	__attribute__((noinline)) int NAME(u32 row) { \
		if (row >= S) return 0; \
		for (int n = 0; n < N; n++) { \
			s64 sum = 0; \
			for (int k = 0; k < K; k++) sum += (s64)params.FIELD.w[n][k] * mem.FROM[row][k]; \
			mem.TO[row][n] = clamp((sum * params.FIELD.out[n].mul + params.FIELD.out[n].add) >> 32); \
		} \
		return 0; \
	}
LINEAR_ROW(qkv_row, D, 3 * D, qkv, y, qkv)
LINEAR_ROW(proj_row, D, D, proj, o, f)
LINEAR_ROW(up_row, D, F, up, y, h)
LINEAR_ROW(down_row, F, D, down, g, f)

__attribute__((noinline)) int embed_row(u32 row) {
	if (row >= S) return 0;
	u32 token = tokens[row];
	if (token >= V) token = V - 1;
	for (int d = 0; d < D; d++)
		mem.x[row][d] = clamp((params.embed[token][d] * params.position_mul + ((s64)params.position[row][d] << 16) + (1 << 23)) >> 24);
	return 0;
}

static inline __attribute__((always_inline)) int norm(const struct norm_t *n, const s16 *x, s16 *y) {
	s64 sum = 0, squares = 0;
	for (int d = 0; d < D; d++) {
		s64 v = x[d];
		sum += v;
		squares += v * v;
	}
	u64 q = squares * D - sum * sum + n->eps;
	u64 moved = 0;
	for (int step = 32; step >= 2; step >>= 1)
		if (!(q >> (64 - step))) {
			q <<= step;
			moved += step;
		}
	q >>= 32;
	u32 at = ((q >> 22) - 256) & 1023;
	if (at > 767) at = 767;
	u64 u = params.rsqrt[at];
	u64 root = ((((3ull << 62) - q * u * u) >> 32) * u) >> 16;
	u64 shift = (42 - (moved >> 1)) & 63;
	for (int d = 0; d < D; d++) {
		s64 v = ((s64)x[d] * D - sum) * (s64)root >> shift;
		y[d] = clamp((v * n->column[d].factor + n->column[d].shift) >> 28);
	}
	return 0;
}
__attribute__((noinline)) int norm1_row(u32 row) { return row >= S ? 0 : norm(&params.norm1, mem.x[row], mem.y[row]); }
__attribute__((noinline)) int norm2_row(u32 row) { return row >= S ? 0 : norm(&params.norm2, mem.x[row], mem.y[row]); }
__attribute__((noinline)) int norm3_row(u32 row) { return row >= S ? 0 : norm(&params.norm3, mem.x[row], mem.y[row]); }

__attribute__((noinline)) int attend_row(u32 row, u32 head) {
	if (row >= S || head >= H) return 0;
	s64 top = -0x80000000ll;
	for (int j = 0; j < S; j++) {
		s64 sum = 0;
		for (int d = 0; d < HD; d++) sum += (s64)mem.qkv[row][head * HD + d] * mem.qkv[j][D + head * HD + d];
		mem.scores[j] = sum;
		if (sum > top) top = sum;
	}
	u64 sum = 0;
	for (int j = 0; j < S; j++) {
		u64 at = ((top - mem.scores[j]) * params.exp_mul + params.exp_half) >> (params.exp_shift & 63);
		if (at > 4095) at = 4095;
		u64 e = params.exp[at];
		mem.scores[j] = e;
		sum += e;
	}
	u64 inverse = (32767ull << 30) / sum;
	for (int j = 0; j < S; j++) mem.p[j] = (mem.scores[j] * inverse + (1 << 29)) >> 30;
	for (int d = 0; d < HD; d++) {
		s64 mean = 0;
		for (int j = 0; j < S; j++) mean += (s64)mem.p[j] * mem.qkv[j][2 * D + head * HD + d];
		mem.o[row][head * HD + d] = clamp((mean * params.mean_mul + (1ll << 31)) >> 32);
	}
	return 0;
}

__attribute__((noinline)) int gelu_row(u32 row) {
	if (row >= S) return 0;
	for (int i = 0; i < F; i++) {
		u32 v = (u16)mem.h[row][i] ^ 0x8000;
		u32 at = v >> 6;
		s64 y = params.gelu[at], next = params.gelu[at + 1];
		mem.g[row][i] = y + (((next - y) * (v & 63) + 32) >> 6);
	}
	return 0;
}

static inline __attribute__((always_inline)) int mix(const struct mix_t *m, s16 *x, const s16 *f) {
	for (int d = 0; d < D; d++) x[d] = clamp((x[d] * m->a + f[d] * m->b + (1 << 23)) >> 24);
	return 0;
}
__attribute__((noinline)) int mix1_row(u32 row) { return row >= S ? 0 : mix(&params.mix1, mem.x[row], mem.f[row]); }
__attribute__((noinline)) int mix2_row(u32 row) { return row >= S ? 0 : mix(&params.mix2, mem.x[row], mem.f[row]); }

__attribute__((noinline)) int pool(void) {
	for (int d = 0; d < D; d++) {
		s64 sum = 0;
		for (int s = 0; s < S; s++) sum += mem.y[s][d];
		mem.pooled[d] = clamp((sum * params.pool_mul + (1 << 23)) >> 24);
	}
	for (int c = 0; c < C; c++) {
		s64 sum = 0;
		for (int k = 0; k < D; k++) sum += (s64)params.head.w[c][k] * mem.pooled[k];
		logits[c] = clamp((sum * params.head.out[c].mul + params.head.out[c].add) >> 32);
	}
	return 0;
}

SEC("xdp") int encoder(void *ctx) {
	for (u32 row = 0; row < S; row++) {
		embed_row(row);
		norm1_row(row);
		qkv_row(row);
	}
	for (u32 head = 0; head < H; head++)
		for (u32 row = 0; row < S; row++) attend_row(row, head);
	for (u32 row = 0; row < S; row++) {
		proj_row(row);
		mix1_row(row);
		norm2_row(row);
		up_row(row);
		gelu_row(row);
		down_row(row);
		mix2_row(row);
		norm3_row(row);
	}
	pool();
	return 2;
}
char _license[] SEC("license") = "GPL";

// No section at all: functions in .text.
static __attribute__((noinline)) int helper(int x) {
  asm volatile("%0 += 3" : "+r"(x));
  return x;
}
int entry(void *ctx) { return helper(3) + helper(5); }

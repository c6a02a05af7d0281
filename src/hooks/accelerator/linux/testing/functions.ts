/** Programs that call each function of the device, with arguments from the context and results in it. */
export const CALLERS = `
#include <accelerator.h>
SEC("accelerator/submit") int read(struct bpf_context *ctx) {
  __u8 bytes[40] = {};
  int error = accel_tensor_read(ctx, ctx->token, ctx->deadline_ns, bytes, sizeof bytes);
  if (error) return error;
  ctx->priority = *(__u32 *)bytes;
  ctx->key = *(__u32 *)(bytes + 36);
  return 0;
}
SEC("accelerator/submit") int tensor_sha(struct bpf_context *ctx) {
  __u32 digest[8];
  int error = accel_tensor_sha256(ctx, ctx->token, digest, sizeof digest);
  if (error) return error;
  ctx->priority = digest[0] ^ digest[3] ^ digest[5];
  ctx->key = digest[7];
  return 0;
}
SEC("accelerator/submit") int tensor_hmac(struct bpf_context *ctx) {
  __u32 mac[8];
  int error = accel_tensor_hmac(ctx, ctx->token, ctx->key, mac, sizeof mac);
  if (error) return error;
  ctx->priority = mac[0] ^ mac[3] ^ mac[5];
  ctx->key = mac[7];
  return 0;
}
SEC("accelerator/complete") int sign(struct bpf_context *ctx) { return accel_tensor_sign(ctx, ctx->token, ctx->key); }
SEC("accelerator/complete") int seal(struct bpf_context *ctx) { return accel_tensor_seal(ctx, ctx->token, ctx->key); }
SEC("accelerator/submit") int memory_sha(struct bpf_context *ctx) {
  __u8 message[100];
  __u32 digest[8];
  for (int i = 0; i < 100; i++) message[i] = ctx->seq * (i + 3);
  __u32 size = ctx->layer;
  int error = accel_sha256(message, size <= 100 ? size : 100, digest, sizeof digest);
  if (error) return error;
  ctx->priority = digest[0] ^ digest[3] ^ digest[5];
  ctx->key = digest[7];
  return 0;
}
SEC("accelerator/submit") int memory_hmac(struct bpf_context *ctx) {
  __u8 message[64];
  __u32 mac[8];
  for (int i = 0; i < 64; i++) message[i] = ctx->seq * (i + 3);
  int error = accel_hmac_sha256(ctx->key, message, sizeof message, mac, sizeof mac);
  if (error) return error;
  ctx->priority = mac[0] ^ mac[3] ^ mac[5];
  ctx->key = mac[7];
  return 0;
}
SEC("accelerator/submit") int room(struct bpf_context *ctx) {
  __u8 small[31];
  int first = accel_sha256(small, 1, small, sizeof small), second = accel_tensor_sha256(ctx, 0, small, sizeof small);
  int third = accel_uuid(ctx, small, 15);
  return first == -EINVAL && second == -EINVAL && third == -EINVAL ? 0 : -EPROTO;
}
SEC("accelerator/submit") int stamp(struct bpf_context *ctx) {
  struct { __u32 uuid[4]; __u64 seq; __u8 odd; } __attribute__((packed)) record = { .seq = ctx->seq, .odd = ctx->layer };
  int error = accel_uuid(ctx, record.uuid, sizeof record.uuid);
  if (error) return error;
  record.uuid[3] = 0;
  return accel_trace(ctx, &record, sizeof record);
}
SEC("accelerator/submit") int priority(struct bpf_context *ctx) { return accel_set_priority(ctx, ctx->layer); }
SEC("accelerator/submit") int now(struct bpf_context *ctx) {
  __u64 now = accel_now_ns();
  ctx->priority = now;
  ctx->key = now >> 32;
  return now == ctx->now_ns ? 0 : -EPROTO;
}
`;

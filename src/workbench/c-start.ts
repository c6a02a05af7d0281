import type { CLibrary } from '../replay/c-library.ts';

const HEAD = (header: string) => `#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <bpf/bpf_helpers.h>
#include "${header}"

`;
const TAIL = `
char LICENSE[] SEC("license") = "GPL";
`;

/** A program that calls a model, to begin with: bytes of the frame as tokens where the model reads bytes, else a structure of features. */
export function starterC({ headers, link }: CLibrary): string {
  const [header] = Object.keys(headers);
  const symbols = link.flatMap((input) => input.symbols ?? []);
  const name = (ending: string): string | undefined => symbols.find((symbol) => symbol.endsWith(ending));
  const [data, struct] = [name('_data'), name('_struct')];
  return HEAD(header!) + (data ? onBytes(data) : onFeatures(struct!)) + TAIL;
}

const onBytes = (call: string): string => `// The model reads the bytes behind the Ethernet header; class 1 is dropped.
SEC("xdp")
int run_model(struct xdp_md *ctx)
{
\tvoid *data = (void *)(long)ctx->data;
\tvoid *data_end = (void *)(long)ctx->data_end;

\tif (data + sizeof(struct ethhdr) > data_end)
\t\treturn XDP_PASS;
\treturn ${call}(data + sizeof(struct ethhdr), data_end) == 1 ? XDP_DROP : XDP_PASS;
}
`;

const onFeatures = (call: string): string => {
  const struct = call.replace(/_struct$/, '_io');
  return `// What the model takes and gives: the members of struct ${struct} stand in its header.
struct {
\t__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
\t__uint(max_entries, 1);
\t__type(key, __u32);
\t__type(value, struct ${struct});
} io_map SEC(".maps");

SEC("xdp")
int run_model(struct xdp_md *ctx)
{
\t__u32 zero = 0;
\tstruct ${struct} *io = bpf_map_lookup_elem(&io_map, &zero);

\tif (!io)
\t\treturn XDP_PASS;
\t// Fill the inputs in io here.
\treturn ${call}(io) == 1 ? XDP_DROP : XDP_PASS;
}
`;
};

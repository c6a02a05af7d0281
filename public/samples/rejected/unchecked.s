; A firewall for DNS answers that reads a length from the packet and trusts it.
;
; It drops UDP packets to port 53 whose question name begins with a label longer than 20 bytes, and counts them. The
; kernel refuses to load it: of the bytes that it reads, one lies at an offset that the packet itself names, and nothing
; compares that place with the packet's end.

.section xdp
.license GPL
.map dropped array 4 8 1

r6 = *(u32 *)(r1 +0)          ; start of the packet
r7 = *(u32 *)(r1 +4)          ; its end

; Ethernet, IPv4 and UDP headers and the DNS header: 14 + 20 + 8 + 12 bytes, checked once for all of them.
r2 = r6
r2 += 54
if r2 > r7 goto pass

r3 = *(u16 *)(r6 +12)         ; EtherType
if r3 != 0x8 goto pass        ; 0x0800 in network order: IPv4
r3 = *(u8 *)(r6 +23)          ; protocol
if r3 != 17 goto pass         ; UDP
r3 = *(u16 *)(r6 +36)         ; destination port
if r3 != 0x3500 goto pass     ; 53 in network order

; The IPv4 header may be longer than 20 bytes: its length stands in its first byte, in words of four.
r4 = *(u8 *)(r6 +14)
r4 &= 15
r4 <<= 2
r5 = r6
r5 += r4                      ; the packet's start and a length that the packet names
r3 = *(u8 *)(r5 +34)          ; length of the first label: refused here
if r3 <= 20 goto pass

; Count it.
r8 = 0
*(u32 *)(r10 -4) = r8
r1 = map[dropped]
r2 = r10
r2 += -4
call bpf_map_lookup_elem
if r0 == 0 goto drop
r1 = 1
lock *(u64 *)(r0 +0) += r1

drop:
r0 = 1                        ; XDP_DROP
exit
pass:
r0 = 2                        ; XDP_PASS
exit

/* What every file here includes: the kernel's interface, libbpf's macros, and the licence most of them need. */
#pragma once
#include <linux/bpf.h>
#include <stdbool.h>
#include <stddef.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

typedef __u8 u8;
typedef __u16 u16;
typedef __u32 u32;
typedef __u64 u64;
typedef __s32 s32;
typedef __s64 s64;

/* Keeps a value out of the optimiser's sight. */
#define hide(value) asm volatile("" : "+r"(value))

#ifndef __naked
#define __naked __attribute__((naked))
#endif

struct bpf_map;

#ifndef LICENCE
#define LICENCE "GPL"
#endif
char licence[] SEC("license") = LICENCE;

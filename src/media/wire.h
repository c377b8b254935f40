/* What the server and the media helper say to each other. Fixed sizes; both sides come from one build.
 *
 * Control socket (SOCK_SEQPACKET, descriptor 3 of the helper): one struct wire_order per packet; WIRE_RUN carries two
 * descriptors, the child's end of the job socket and the output file. Its end ends the helper and all its children.
 * Job socket (stream): struct wire_request and the inputs to the child; one struct wire_answer back, nothing else. */
#pragma once
#include <stdint.h>

enum { WIRE_MAGIC = 0x70757231, WIRE_INPUTS_MAX = 64 * 1024, WIRE_FILE_MAX = 64 * 1024 * 1024 };
enum { WIRE_CONTROL_FD = 3, WIRE_JOB_FD = 3, WIRE_OUT_FD = 4 }; /* in the helper; in a child */
enum wire_op { WIRE_RUN = 1, WIRE_KILL = 2 };

struct wire_order {
    uint32_t magic, op;
    uint64_t job;
    uint32_t timeout_ms, reserved;
};

struct wire_request {
    uint32_t magic, inputs_len;
    uint64_t seed;
    char model[24];
};

enum wire_code { WIRE_OK = 0, WIRE_INVALID = 1, WIRE_STORAGE_FULL = 2, WIRE_FAILED = 3, WIRE_CODES };

struct wire_answer {
    uint32_t magic, code;
    int64_t width, height, duration_ms, bytes, render_us, encode_us;
    char type[32], ext[8];
    char detail[300];
    char scene[4096];
};

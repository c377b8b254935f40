/* What the server and the media helper say to each other. Fixed sizes; both sides come from one build.
 *
 * Control socket (SOCK_SEQPACKET, descriptor 3 of the helper): one struct wire_order per packet; WIRE_RUN carries the child's end
 * of the job socket, the output file and the input files as descriptors. Its end ends the helper and all its children.
 * Job socket (stream): struct wire_request and the inputs to the child; back come any number of struct wire_progress (at most
 * WIRE_PROGRESS_MAX) and one struct wire_answer, told apart by their first word; nothing else. */
#pragma once
#include <stdint.h>

enum { WIRE_MAGIC = 0x70757232, WIRE_PROGRESS = 0x70757250 };
enum { WIRE_INPUTS_MAX = 64 * 1024, WIRE_FILE_MAX = 64 * 1024 * 1024, WIRE_FILES_MAX = 16, WIRE_PROGRESS_MAX = 1000 };
/* Descriptors: in the helper; in a child: the job socket, the output, input files, and pipes to tools. */
enum { WIRE_CONTROL_FD = 3, WIRE_JOB_FD = 3, WIRE_OUT_FD = 4, WIRE_FILES_FD = 5, WIRE_TOOLS_FD = WIRE_FILES_FD + WIRE_FILES_MAX, WIRE_FD_END = 80 };
enum wire_op { WIRE_RUN = 1, WIRE_KILL = 2 };

struct wire_order {
    uint32_t magic, op;
    uint64_t job;
    uint32_t timeout_ms, file_count;
};

struct wire_file {
    char name[48]; /* the input it belongs to; several may have one name */
    char type[32]; /* by our sniff; empty: unknown */
    int64_t size;
};

struct wire_request {
    uint32_t magic, inputs_len;
    uint64_t seed;
    uint32_t timeout_ms, file_count;
    char model[24];
    struct wire_file files[WIRE_FILES_MAX];
};

struct wire_progress {
    uint32_t magic; /* WIRE_PROGRESS */
    int32_t percent;
    char stage[40];
};

enum wire_code { WIRE_OK = 0, WIRE_INVALID = 1, WIRE_STORAGE_FULL = 2, WIRE_FAILED = 3, WIRE_CODES };

struct wire_answer {
    uint32_t magic, code;
    int64_t width, height, duration_ms, bytes, render_us, encode_us;
    char type[32], ext[8];
    char detail[300];
    char scene[4096];
};

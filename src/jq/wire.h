/* What jq.c and the child say to each other over one stream socket. Both are of one build, so structs are sent as they lie. */
#pragma once
#include <stdint.h>

enum { JQ_WIRE_MAGIC = 0x6a715731, JQ_WIRE_FD = 3 };

enum jq_wire_code {
    JQ_WIRE_OK,       /* text: the results */
    JQ_WIRE_COMPILE,  /* text: what the compiler said */
    JQ_WIRE_FAILED,   /* text: the program's error */
    JQ_WIRE_TOO_LONG, /* the results passed LIMIT_JQ_BYTES */
    JQ_WIRE_INPUT,    /* text: why the input is no JSON */
    JQ_WIRE_CODES
};

struct jq_wire_request { /* then the program, then the input */
    uint32_t magic, program, input;
};
struct jq_wire_reply { /* then the text */
    uint32_t magic, code, text;
    uint32_t leaving; /* the child ends after this one: it has grown */
};

/* Records as plain structs, and their description for whoever stores them. See records.def for what each field means. */
#pragma once
#include "base/arena.h"
#include "base/str.h"

#include <stddef.h>
#include <stdint.h>

enum rec_type {
#define RECORD(name, fields) REC_##name,
#include "core/records.def"
#undef RECORD
    REC_COUNT
};

/* The first members of every record. version 0: not stored yet; a save writes version + 1. */
struct rec_head {
    struct str id;
    int64_t version;
};

#define S(name) struct str name;
#define I(name) int64_t name;
#define RECORD(name, fields)  \
    struct name {             \
        struct rec_head head; \
        fields                \
    };
#include "core/records.def"
#undef RECORD
#undef S
#undef I

enum rec_field_kind { FIELD_STR, FIELD_I64 };
struct rec_field {
    const char *name;
    enum rec_field_kind kind;
    size_t offset;
};
struct rec_info {
    const char *table;
    size_t size;
    const struct rec_field *fields; /* without id and version */
    int field_count;
};
const struct rec_info *rec_info(enum rec_type type);

struct rec_key {
    enum rec_type type;
    struct str id;
};

/* The description of every record, made from records.def: tables and columns for the store, sizes for the workset. */
#include "core/record.h"

#include "base/err.h"

/* A list in records.def does not know which struct it stands in; each case gives its struct the name `self`. */
#define S(name) {#name, FIELD_STR, offsetof(self, name)},
#define I(name) {#name, FIELD_I64, offsetof(self, name)},
#define RECORD(name, list)                                                                                                  \
    case REC_##name: {                                                                                                      \
        typedef struct name self;                                                                                           \
        static const struct rec_field fields[] = {list};                                                                    \
        static const struct rec_info info = {#name, sizeof(self), fields, sizeof(fields) / sizeof(fields[0])};              \
        return &info;                                                                                                       \
    }

const struct rec_info *rec_info(enum rec_type type) {
    switch (type) {
#include "core/records.def"
    case REC_COUNT:
        break;
    }
    must(!"a record type");
}

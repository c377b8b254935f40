/* What the tests over real sockets share: a client that says exactly what it is told, and tables of what must come back. */
#pragma once
#include "api/ops_double.h"
#include "base/buf.h"

struct response {
    struct buf all;
    int status;
    struct str body;
};
void response_done(struct response *r);
struct response ask_bytes(const char *method, const char *target, const char *headers, struct str body);

#define LIVE  "Authorization: Bearer live\r\n"
#define TEST  "X-API-Key: test\r\n"
#define ADMIN "X-API-Key: admin\r\n"
#define A     DOUBLE_DONE
#define B     DOUBLE_RUNNING

struct row {
    const char *method, *target, *headers, *body;
    int status;
    const char *has, *lacks; /* in the whole answer */
};

void check_rows(const struct row *rows, size_t n);
#define CHECK(rows) check_rows(rows, sizeof(rows) / sizeof *(rows))

/* policy_rows_test.c */
void test_scopes(void **state);
void test_policies(void **state);
void test_rates(void **state);
void test_labels(void **state);
void test_forms(void **state);

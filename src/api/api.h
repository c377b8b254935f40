/* The REST surface: a table of routes over ops/. It translates HTTP into operations and their answers back, and decides
 * nothing about money, models or files. cmd/ makes one and hands api_handle to the HTTP server. Everything runs on the
 * loop's thread. */
#pragma once
#include "base/log.h"
#include "http/http.h"
#include "io/io.h"
#include "ops/ops.h"

struct api;
struct api_options {
    struct ops *ops;
    struct io *io;          /* the clock for Server-Timing */
    const char *public_url; /* where clients reach this server; Location headers and the OpenAPI document name it */
    const char *version;    /* of the program, for the OpenAPI document; NULL: "0" */
    struct logger *log;     /* failures of the server's own (500), with their sentence; NULL: none */
};
struct api *api_create(const struct api_options *o);
/* The HTTP server must have let go of its last request before. */
void api_destroy(struct api *a);
/* http_options.on_head; arg is the struct api. */
void api_handle(void *arg, struct http_req *r);

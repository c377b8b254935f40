/* Every bound of the system, in one place; docs/LIMITS.md is generated from this file. Nothing is unbounded. */
#pragma once

/* JSON */
#define LIMIT_JSON_DEPTH 64
#define LIMIT_JSON_NODES 100000
#define LIMIT_STRING_SPOOL_BYTES (64 * 1024)   /* longer strings leave the tree for the spool */

#define LIMIT_SPOOLED_STRINGS 256              /* of one document */

/* Programs of provider descriptions */
#define LIMIT_JQ_BYTES (1024 * 1024)           /* of an input, and of all results of one run together */
#define LIMIT_JQ_PROGRAM_BYTES (64 * 1024)
#define LIMIT_JQ_RUN_MS 100                    /* of the processor */
#define LIMIT_JQ_COMPILE_MS 500                /* likewise, once per program */
#define LIMIT_JQ_WALL_MS 3000                  /* both together, by the clock of a machine that may be busy with other things */
#define LIMIT_JQ_MEMORY_BYTES (512LL * 1024 * 1024)
#define LIMIT_JQ_PROGRAMS 256                  /* compiled and kept, in each child */

/* Programs of this machine */
#define LIMIT_COMMAND_TEXT_BYTES (1024 * 1024) /* of standard output */
#define LIMIT_COMMAND_OUT_BYTES (8LL * 1024 * 1024 * 1024)
#define LIMIT_COMMAND_MEMORY_BYTES (64LL * 1024 * 1024 * 1024) /* of addresses, each process; what drives a GPU maps many */
#define LIMIT_COMMAND_PROCESSES 1024

/* HTTP server */
#define LIMIT_HTTP_HEADERS 64
#define LIMIT_HTTP_HEADER_BYTES (16 * 1024)
#define LIMIT_HTTP_TARGET_BYTES (8 * 1024)
#define LIMIT_HTTP_HEADER_MS 10000             /* absolute, from the first byte */
#define LIMIT_HTTP_BODY_GRACE_MS 5000
#define LIMIT_HTTP_BODY_BYTES_PER_S 1024
#define LIMIT_HTTP_IDLE_MS 60000
#define LIMIT_HTTP_CONNECTIONS 20000
#define LIMIT_HTTP_CONNECTIONS_PER_ADDRESS 1024
#define LIMIT_HTTP_WRITE_QUEUE_BYTES (256 * 1024)
#define LIMIT_HTTP_STALL_MS 30000
#define LIMIT_HTTP_DRAIN_MS 25000
#define LIMIT_SSE_HEARTBEAT_MS 15000
#define LIMIT_JSON_BODY_BYTES (1024 * 1024)    /* bodies that are read as a tree */
#define LIMIT_LONG_BODY_BYTES (64 * 1024 * 1024) /* of a call with inline files */
#define LIMIT_INTAKE_BYTES (1024LL * 1024 * 1024) /* of inline files of all calls that are being read */
#define LIMIT_UPLOAD_BYTES (2LL * 1024 * 1024 * 1024)

/* Calls */
#define LIMIT_WAIT_MS 590000                   /* a waiting caller is answered before its own 600 s end */
#define LIMIT_INPUTS_BYTES (64 * 1024)         /* inputs as stored with a generation */
#define LIMIT_OUTPUTS 16
#define LIMIT_ATTEMPTS 5
#define LIMIT_PATIENT_ATTEMPTS 30              /* when the provider asked to wait, or was asked only whether it is back */
#define LIMIT_LATE_MS (30 * 60 * 1000)         /* work that passed its deadline is asked after for so long */
#define LIMIT_HIDDEN_DAYS 30                   /* a provider's answer in which the caller's output_url_path found no file is kept for `deliver` */
#define LIMIT_HIDDEN_BYTES (64 * 1024)         /* of such an answer, its long strings aside; what is longer fails and is not charged */
#define LIMIT_GONE_ANSWERS 5                   /* "no such work", one after the other, until it is believed */
#define LIMIT_RESULT_TRIES 20                  /* of fetching a result that the provider says is there, or of reading an answer that cannot be read */
#define LIMIT_RESULT_MS (10 * 60 * 1000)       /* and at least so long */
#define LIMIT_PROVIDER_REQUESTS 1024           /* submits of one provider that are under way on a node; likewise all its other requests */
#define LIMIT_FETCHES 4096                     /* works whose outputs are being fetched, or wait with their links read for one of 64 downloads */
#define LIMIT_LATE 1000                        /* such works of one node */
#define LIMIT_BILLED_FAILURES 20               /* of one key in an hour: failed calls that their provider took money for */
#define LIMIT_EVENTS 1000                      /* per generation; progress beyond it is dropped, states never */
#define LIMIT_IDEMPOTENCY_KEY_BYTES 255
#define LIMIT_IDEMPOTENCY_DAYS 7
#define LIMIT_QUOTE_ID_MS (10 * 60 * 1000)
#define LIMIT_RUNNING_PER_PROJECT 16           /* generations processing at once, unless the project says else */
#define LIMIT_PENDING_PER_PROJECT 100000
#define LIMIT_DRIVE_BYTES (10LL * 1024 * 1024 * 1024)  /* per book of a project, unless the project says else */
#define LIMIT_RETENTION_DAYS 36500             /* a project's files, when it does not keep them for ever */
#define LIMIT_PATH_BYTES 512
#define LIMIT_PATH_PART_BYTES 255
#define LIMIT_SIGNED_URL_MIN_S 30
#define LIMIT_SIGNED_URL_MAX_S (30 * 24 * 3600)
#define LIMIT_SIGNED_URL_DEFAULT_S 3600
#define LIMIT_LINEAGE 200                      /* files of one chain that are told of */
#define LIMIT_PAGE 200                         /* rows of one list answer */

/* Other people's servers */
#define LIMIT_URL_BYTES 8192
#define LIMIT_REDIRECTS 3
#define LIMIT_UPSTREAM_CONNECTIONS 4096
#define LIMIT_UPSTREAM_HEADERS 128
#define LIMIT_UPSTREAM_HEADER_BYTES (64 * 1024)
#define LIMIT_UPSTREAM_BODY_BYTES (1024 * 1024) /* of an answer, unless the request says else */
#define LIMIT_UPSTREAM_CONNECT_MS 10000
#define LIMIT_UPSTREAM_STALL_MS 30000
#define LIMIT_UPSTREAM_MS 60000
#define LIMIT_INPUT_LINK_BYTES (50 * 1024 * 1024)
#define LIMIT_INPUT_LINK_MS 60000

/* Webhooks */
#define LIMIT_WEBHOOKS 8                       /* of one project */
#define LIMIT_WEBHOOK_FLIGHT 4                 /* messages under way to one webhook */
#define LIMIT_WEBHOOK_SERVERS 64               /* that calls of one book of a project name by their webhook_url */
#define LIMIT_WEBHOOK_NAMED_DAYS 60            /* since a call last named it, until such a server is forgotten */
#define LIMIT_WEBHOOK_FLIGHT_BOOK 64           /* messages under way for one book of a project, from one node */
#define LIMIT_WEBHOOK_FLIGHT_ALL 256           /* and for all */
#define LIMIT_WEBHOOK_MS 15000
#define LIMIT_WEBHOOK_ANSWER_BYTES 4096
#define LIMIT_WEBHOOK_BYTES 20000              /* of a message; what is longer goes out without inputs and text */
#define LIMIT_WEBHOOK_DEAD_DAYS 5              /* of failures, until it is switched off */
#define LIMIT_WEBHOOK_KEPT_DAYS 30             /* messages, for the history */
#define LIMIT_WEBHOOK_IN_BYTES (1024 * 1024)   /* of what a provider sends */

/* Committer and store */
#define LIMIT_BATCH_COMMANDS 256
#define LIMIT_BATCH_ROWS 1000
#define LIMIT_BATCH_BYTES (4 * 1024 * 1024)
#define LIMIT_BATCH_TRIES 3
#define LIMIT_COMMIT_QUEUE 20000
#define LIMIT_READ_QUEUE 1024
#define LIMIT_READERS 4
#define LIMIT_COMMAND_KEYS 64                  /* records one command may read */
#define LIMIT_RESERVE_FILE_BYTES (64LL * 1024 * 1024)

/* Nodes */
#define LIMIT_LEASE_MS 15000
#define LIMIT_BEAT_MS 3000
#define LIMIT_WAKE_SCAN_MS 250
#define LIMIT_ADOPT_CHUNK 100

/* Media helper */
#define LIMIT_MEDIA_READ_MS 10000
#define LIMIT_READS_AT_ONCE 2
#define LIMIT_READ_IMAGE_BYTES (64 * 1024 * 1024)  /* a picture's file */
#define LIMIT_READ_PIXELS 100000000            /* a picture that is read row by row */
#define LIMIT_READ_HELD_PIXELS 25000000        /* one that the decoder must hold whole */
#define LIMIT_READ_DECODER_BYTES (192 * 1024 * 1024) /* what the JPEG decoder may take for a progressive picture */
#define LIMIT_READ_SCANS 200
#define LIMIT_READ_FRAMES 5000                 /* of a GIF or WebP */
#define LIMIT_READ_VIDEO_PIXELS 37748736       /* of a frame: 8192 by 4608 */
#define LIMIT_READ_VIDEO_FRAMES 10000000
#define LIMIT_READ_TRACKS 32
#define LIMIT_THUMBNAIL_SIDE 512
#define LIMIT_OPTIMISED_SIDE 1600
#define LIMIT_POSTER_SIDE 1024
#define LIMIT_RENDER_PIXELS (4096LL * 4096)
#define LIMIT_RENDERS_AT_ONCE 4
#define LIMIT_RENDER_WAIT_MS (10 * 60 * 1000)  /* for a turn, beside the model's own deadline */
#define LIMIT_PROMPT_BYTES 20000

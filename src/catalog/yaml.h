/* YAML files as trees of JSON nodes with lines.
 *
 * A small, strict part of YAML: block and flow collections, plain and quoted scalars, comments. No anchors, aliases, tags,
 * merge keys or second documents, and none of YAML 1.1's surprises (yes, no, on, 0777, 1:30): such a word must be quoted or
 * written plainly. Quoted is always text. */
#pragma once
#include "catalog/doc.h"

enum { YAML_FILE_MAX = 256 * 1024, YAML_DEPTH_MAX = 16, YAML_NODES_MAX = 20000 };

/* NULL when nothing could be read; then, and for every smaller fault, problems are in d. */
const struct json *yaml_read(struct doc *d, struct str text);

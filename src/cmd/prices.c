/* puras quote and puras models: what there is and what it costs. */
#include "base/cleanup.h"
#include "cmd/attach.h"
#include "cmd/inputs.h"

static int quote(struct cli *c, const char *model, struct words *inputs) {
    struct why why = {0};
    _cleanup_(buf_done) struct buf body = {0};
    int status = cli_connect(c, true);
    if (!status) status = attach_names(c, model, inputs);
    if (status) return status;
    if (inputs_body(model, inputs, &body, &why)) return cli_fail(c, &why);
    buf_c(&body, '}');
    struct client_reply reply;
    status = cli_call(c, "POST", "/v1/quote", buf_view(&body), false, &reply);
    if (status) return status;
    if (c->json) {
        cli_print_raw(reply.body);
        return 0;
    }
    printf("model     %s\n", jtext(&c->a, reply.json, "model"));
    printf("quoted    %s\n", amount_text(&c->a, jint(reply.json, "quoted_micros")));
    printf("row       %s\n", jtext(&c->a, json_get(reply.json, "row"), "why"));
    return 0;
}

int cmd_quote(int argc, char **argv) {
    _cleanup_(cli_done) struct cli c = {0};
    struct words inputs = {0}, args;
    const struct opt opts[] = {
        {'i', "input", "KEY=VALUE", "an input, as with `puras run`, also without -i; repeatable", .list = &inputs},
        {0, "json", NULL, "print the server's answer", .flag = &c.json},
        {0},
    };
    const struct usage u = {"quote MODEL [KEY=VALUE]... [--json]", "Says what a call would cost, and by which row of the price. Nothing is held.", opts, 1, -1};
    int status;
    struct why why = {0};
    if (!cli_parse(&u, argc, argv, &c.a, &args, &status)) return status;
    return inputs_take(&args, &inputs, &c.a, &why) ? cli_fail(&c, &why) : quote(&c, args.at[0], &inputs);
}

/* "0.01 USD a call", or where the price depends on inputs "0.1344 to 0.2016 USD a second". */
static const char *price_text(struct arena *a, const struct json *model) {
    const struct json *rows = json_get(model, "rate_table");
    const char *unit = jtext(a, model, "unit");
    micros least = 0, most = 0;
    int n = 0;
    for (const struct json *r = rows ? rows->child : NULL; r; r = r->next, n++) {
        micros m = jint(r, "micros");
        if (!n || m < least) least = m;
        if (!n || m > most) most = m;
    }
    if (!n) return "";
    _cleanup_(buf_done) struct buf b = {0};
    micros_write_usd(&b, least);
    if (least != most) {
        buf_z(&b, " to ");
        micros_write_usd(&b, most);
    }
    const char *word = !strcmp(unit, "kchar") ? "1000 characters" : *unit ? unit : "call";
    return arena_printf(a, "%.*s USD / %s", STR_ARG(buf_view(&b)), word).ptr;
}

static int list_models(struct cli *c, const char *kind) {
    _cleanup_(buf_done) struct buf path = {0};
    buf_z(&path, "/v1/models");
    if (kind) {
        buf_z(&path, "?kind=");
        url_add_value(&path, str_of(kind));
    }
    const struct json *j;
    int status = cli_get(c, path.ptr, &j);
    if (status || !j) return status;
    static const char *const titles[] = {"model", "kind", "price", "title"};
    struct table t = {.a = &c->a, .columns = 4, .titles = titles};
    const struct json *rows = json_get(j, "models");
    for (const struct json *m = rows ? rows->child : NULL; m; m = m->next) {
        const char *slug = jtext(&c->a, m, "id");
        const char *cells[] = {slug, jtext(&c->a, m, "kind"), price_text(&c->a, m), jtext(&c->a, m, "title")};
        table_add(&t, cells);
    }
    table_print(&t, stdout);
    return 0;
}

static void print_inputs(struct arena *a, const struct json *model) {
    static const char *const titles[] = {"input", "type", "needed", "default", "values", "about"};
    struct table t = {.a = a, .columns = 6, .titles = titles};
    const struct json *inputs = json_get(model, "inputs");
    for (const struct json *i = inputs ? inputs->child : NULL; i; i = i->next) {
        const struct json *values = json_get(i, "values");
        struct str list = {0};
        for (const struct json *v = values ? values->child : NULL; v; v = v->next)
            list = arena_printf(a, "%.*s%s%s", STR_ARG(list), list.len ? ", " : "", safe_text(a, v->text));
        if (!list.len && json_get(i, "min")) list = arena_printf(a, "%s to %s", jtext(a, i, "min"), jtext(a, i, "max"));
        bool required = false;
        json_as_bool(json_get(i, "required"), &required);
        const char *name = jtext(a, i, "name");
        const char *cells[] = {*name ? name : safe_text(a, i->key), jtext(a, i, "type"), required ? "yes" : "", jtext(a, i, "default"), list.len ? list.ptr : "", jtext(a, i, "about")};
        table_add(&t, cells);
    }
    if (t.rows) table_print(&t, stdout);
}

static void print_rates(struct arena *a, const struct json *model) {
    const struct json *rows = json_get(model, "rate_table");
    const char *unit = jtext(a, model, "unit");
    for (const struct json *r = rows ? rows->child : NULL; r; r = r->next) {
        _cleanup_(buf_done) struct buf when = {0};
        const struct json *conditions = json_get(r, "when");
        for (const struct json *w = conditions ? conditions->child : NULL; w; w = w->next) {
            buf_printf(&when, "%s%s = ", when.len ? ", " : "", safe_text(a, w->key));
            json_write(&when, w);
        }
        printf("  %-24s %s\n", arena_printf(a, "%s / %s", usd_text(a, jint(r, "micros")), *unit ? unit : "call").ptr,
               when.len ? arena_printf(a, "when %s", safe_text(a, buf_view(&when))).ptr : rows->count > 1 ? "otherwise" : "always");
    }
}

static int show_model(struct cli *c, const char *slug) {
    _cleanup_(buf_done) struct buf path = {0};
    buf_z(&path, "/v1/models/");
    url_add_path(&path, str_of(slug));
    const struct json *m;
    int status = cli_get(c, path.ptr, &m);
    if (status || !m) return status;
    printf("%s  %s  %s\n", jtext(&c->a, m, "id"), jtext(&c->a, m, "kind"), jtext(&c->a, m, "title"));
    const char *about = jtext(&c->a, m, "about");
    if (*about) printf("%s\n", about);
    printf("\n");
    print_inputs(&c->a, m);
    printf("\nprice, the first row that fits:\n");
    print_rates(&c->a, m);
    return 0;
}

int cmd_models(int argc, char **argv) {
    _cleanup_(cli_done) struct cli c = {0};
    struct words args;
    const char *kind = NULL;
    const struct opt opts[] = {
        {'k', "kind", "KIND", "only image, video, audio or text", .text = &kind},
        {0, "json", NULL, "print the server's answer", .flag = &c.json},
        {0},
    };
    const struct usage u = {"models [--kind KIND] [SLUG] [--json]", "Lists the models of the catalog, or shows one with its inputs and its price.", opts, 0, 1};
    int status;
    if (!cli_parse(&u, argc, argv, &c.a, &args, &status)) return status;
    status = cli_connect(&c, true);
    if (status) return status;
    return args.count ? show_model(&c, args.at[0]) : list_models(&c, kind);
}

/* Makes a picture, lets it move, and fetches the film.
 *
 *     cc generate.c $(pkg-config --cflags --libs puras) -o generate
 *     ./generate out.mp4                                                      with the models of the server's own machine
 *     ./generate out.mp4 openai/gpt-image-2 bytedance/seedance-2-i2v          with any others of these kinds
 *
 * PURAS_API_BASE and PURAS_API_KEY say where the server is. */
#include <puras.h>
#include <stdio.h>
#include <string.h>

static bool show(void *arg, const char *stage, int percent) {
    fprintf(stderr, "\r%s %s %3d %%   ", (const char *)arg, stage, percent < 0 ? 0 : percent);
    return true; /* false would stop waiting; the work would go on */
}

static int failed(const puras_error *e) {
    fprintf(stderr, "%s (%s, %lld micros charged)\n", e->message, e->code, (long long)e->charged_micros);
    return e->can_retry ? 75 : 1;
}

int main(int argc, char **argv) {
    puras_error error;
    puras_result *picture = NULL, *film = NULL;
    puras_quote quote;
    puras *p = puras_open(NULL, NULL, &error);
    puras_inputs *in = puras_inputs_new();
    int status = 0;
    if ((argc != 2 && argc != 4) || !p) return p ? 2 : failed(&error);
    const char *draws = argc == 4 ? argv[2] : "puras/sketch", *moves = argc == 4 ? argv[3] : "puras/motion-i2v";

    puras_text(in, "prompt", "two red boats on the sea at dawn");
    puras_text(in, "size", "1024x1024");
    if (!puras_run(p, draws, in, NULL, &picture, &error)) status = failed(&error);

    puras_inputs *move = puras_inputs_new();
    if (!status) {
        puras_text(move, "image", picture->outputs[0].drive_path);
        puras_text(move, "prompt", "zoom in slowly");
        puras_text(move, "resolution", "480p");
        puras_integer(move, "duration", 4);
        if (!puras_quote_price(p, moves, move, &quote, &error)) status = failed(&error);
    }
    if (!status) {
        puras_options o = {.quote_id = quote.quote_id, .progress = show, .progress_arg = "film"};
        if (!puras_run(p, moves, move, &o, &film, &error)) status = failed(&error);
    }
    if (!status && !puras_download(p, film->outputs[0].drive_path, argv[1], &error)) status = failed(&error);
    if (!status) printf("\n%s, %.1f s, %lld micros: %s\n", argv[1], film->outputs[0].duration_s, (long long)film->billed_micros, quote.row);

    puras_inputs_free(in);
    puras_inputs_free(move);
    puras_result_free(picture);
    puras_result_free(film);
    puras_close(p);
    return status;
}

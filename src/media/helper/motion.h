/* The models that make films: motion-t2v from words, motion-i2v from a picture, motion-r2v after references. motion_words.c reads the
 * prompt, motion_camera.c moves the camera, motion_scene.c draws a scene that lives, motion_job.c shoots it.
 *
 * Always: the same inputs, files and seed give the same frames; a frame depends on its time and on nothing drawn before it. */
#pragma once
#include "media/helper/film.h"
#include "media/helper/motion_plan.h"
#include "media/helper/sketch.h"

enum { MOTION_MIN_SIDE = 64, MOTION_MAX_SIDE = 1920, MOTION_MAX_PIXELS = 1920 * 1080, MOTION_MAX_MS = 15000 };

/* Where the camera is. */
struct view {
    double zoom, x, y, turn; /* x, y in parts of the view; turn in radians */
};
struct view motion_view(const struct motion_plan *m, double u, double seconds); /* u: part of the film, 0 to 1 */
/* The least zoom at which no view of the film looks past the edge of a picture of the film's own shape; at most 2.1. */
double motion_margin(const struct motion_plan *m, double duration, double aspect);
/* The user space of cr becomes the scene's, 0..w and 0..h, as the view shows it. */
void motion_look(cairo_t *cr, struct view v, double margin, int w, int h);
double motion_ease(const struct motion_plan *m, double u);

struct motion_inputs {
    struct str prompt;
    int w, h, fps, frames;
    bool sized; /* w and h were asked for; else they follow the first picture's shape */
    int lines;  /* the short side then */
    double duration;
    bool audio;
};

/* A scene drawn from words; layers are drawn once and moved. */
struct scene;
struct scene *scene_new(struct str prompt, const struct motion_plan *m, int w, int h, uint64_t seed, PangoContext *fonts);
bool scene_has_subject(const struct scene *s);
void scene_draw(struct scene *s, cairo_t *cr, double u, double seconds, struct view v, double margin);
void scene_lettering(struct scene *s, cairo_t *cr, double seconds, double duration); /* upon everything, not moved */
void scene_write(const struct scene *s, struct jw *w); /* "subjects", "setting", "time_of_day", "text" as members */
const struct plan *scene_plan(const struct scene *s);
void scene_free(struct scene *s);

/* What goes over a finished frame. */
void motion_effects(struct picture *p, const struct motion_plan *m, double u, double seconds, double duration, uint64_t seed);

/* Colour and motion of references. */
struct look {
    double mean[3], deviation[3]; /* of luma and the two colour differences */
    bool has_motion;
    double pan_x, pan_y, zoom;    /* of a reference film, parts of the view a second */
};
void look_read(const struct picture *p, int count, struct look *out);
void look_motion(const struct picture *frames, int count, double fps, struct look *io);
void look_apply(struct picture *p, const struct look *from, const struct look *to, double amount);

/* A quiet bed of sound; from malloc, two channels interleaved. */
int16_t *motion_sound(const struct motion_plan *m, const struct plan *scene, double duration, uint64_t seed, int64_t *out_samples);

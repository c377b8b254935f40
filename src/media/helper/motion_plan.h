/* What a prompt of the motion models asks for, before any frame. */
#pragma once
#include "base/json.h"
#include "media/helper/prompt.h"

enum { MOTION_MOVES = 12 };

enum move_kind { MOVE_ZOOM, MOVE_X, MOVE_Y, MOVE_TURN, MOVE_SHAKE, MOVE_PULSE, MOVE_SWAY, MOVE_FLOAT, MOVE_ORBIT };
struct move {
    enum move_kind kind;
    double amount;   /* zoom: log of the factor; x, y: parts of the view the camera goes right, down; turn: radians; others: strength */
    double from, to; /* parts of the film */
    double rate;     /* of what goes on: times a second */
};
enum fade { FADE_NONE, FADE_BLACK, FADE_WHITE };
struct motion_plan {
    struct move moves[MOTION_MOVES];
    int move_count;
    bool camera_named;
    double speed;  /* 1 as usual; slowly, quickly */
    bool smooth, still;
    double rain, snow, fog, sparkle, petals, bubbles; /* amounts; 0: none */
    struct rgb petal_colour;
    enum fade fade_in, fade_out;
    bool flash, lightning, wave, focus_in, focus_out;
    double night_from, night_to, warm_from, warm_to, grey_from, grey_to; /* amounts along the film */
    enum time_of_day time_from, time_to; /* of a drawn scene */
    bool time_passes;
    int heading;   /* of what moves: -1 left, 1 right, 0 not said */
    int rise;      /* -1 down, 1 up */
    bool busy, jumps, spins, dances, grows; /* what subjects are said to do */
    bool says_camera, says_pan, says_zoom;
    bool understood;
};
void motion_read_prompt(struct str prompt, struct motion_plan *out);
/* For a drawn scene, whose things can move themselves: drops what was not said of the camera. */
void motion_keep_camera(struct motion_plan *m);
/* Where no camera was asked for: a slow drift, so that depth shows. */
void motion_drift(struct motion_plan *m, uint64_t seed, double amount);
void motion_write_plan(const struct motion_plan *m, struct jw *w); /* "camera" and "effects" as members */

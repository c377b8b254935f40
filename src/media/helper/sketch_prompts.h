/* The ten fixed prompts of the renderer `sketch`: what the test checks and the contact sheet shows. */
#pragma once
#include <stdint.h>

struct expected_subject {
    const char *name, *colour; /* colour NULL: none is named */
    int count;
};
struct fixed_prompt {
    const char *prompt;
    int w, h;
    uint64_t seed;
    const char *time_of_day, *setting, *text;
    struct expected_subject subjects[4];
};

static const struct fixed_prompt fixed_prompts[] = {
    {"a red bicycle and two blue cats in a meadow at sunset", 1024, 1024, 11, "dusk", "hills", 0, {{"bicycle", "red", 1}, {"cat", "blue", 2}}},
    {"a white lighthouse by the sea at night with a red boat and three yellow stars", 1024, 1024, 4, "night", "sea", 0,
     {{"lighthouse", "white", 1}, {"boat", "red", 1}, {"star", "yellow", 3}}},
    {"seven purple balloons over the hills at noon", 1024, 1024, 5, "day", "hills", 0, {{"balloon", "purple", 7}}},
    {"a pair of green chairs and an orange lamp in a room, evening", 1024, 1024, 2, "dusk", "room", 0, {{"chair", "green", 2}, {"lamp", "orange", 1}}},
    {"a dozen red apples on a plain white background", 1024, 1024, 9, "day", "plain", 0, {{"apple", "red", 12}}},
    {"a yellow robot holding a sign that says \"Hello <b>world</b> & friends\"", 1024, 1024, 3, "day", "room", "Hello <b>world</b> & friends",
     {{"robot", "yellow", 1}}},
    {"two pink rockets and a blue star in outer space", 1024, 1024, 8, "night", "space", 0, {{"rocket", "pink", 2}, {"star", "blue", 1}}},
    {"a castle in the snowy forest at dawn, with three brown horses", 1024, 1024, 6, "dawn", "forest", 0, {{"castle", 0, 1}, {"horse", "brown", 3}}},
    {"five green cacti and a black train in the desert", 1024, 1024, 7, "day", "desert", 0, {{"cactus", "green", 5}, {"train", "black", 1}}},
    {"a red umbrella and a teal car in the rainy city at midnight", 1024, 1024, 10, "night", "city", 0, {{"umbrella", "red", 1}, {"car", "teal", 1}}},
};
enum { FIXED_PROMPTS = sizeof fixed_prompts / sizeof *fixed_prompts };

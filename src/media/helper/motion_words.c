/* Reads the prompts of the motion models: camera, effects, how things move; see motion_plan.h. Takes any bytes (fuzzed). */
#include "media/helper/motion_plan.h"
#include "base/err.h"
#include "media/helper/sketch_words.h"

#include <math.h>
#include <stdlib.h>

/* amount is that of an ordinary prompt: two seconds or twelve, the move fills the time it has. */
static const struct { enum move_kind kind; double amount; const char *name, *words; } known[] = {
    {MOVE_ZOOM, 0.36, "zoom in", "zoom_in zooms_in zooming_in push_in pushes_in pushing_in dolly_in dollies_in move_in moves_in moves_closer move_closer closer close_in closes_in "
                                 "forward forwards approach approaches toward towards into zoom zooms zooming"},
    {MOVE_ZOOM, -0.36, "zoom out", "zoom_out zooms_out zooming_out pull_out pulls_out pull_back pulls_back pulling_back dolly_out dollies_out move_back moves_back backward backwards "
                                   "moves_away move_away back_away recede recedes reveal reveals"},
    {MOVE_X, -0.24, "pan left", "pan_left pans_left panning_left pan_to_the_left pans_to_the_left truck_left slide_left slides_left move_left moves_left camera_left scroll_left "
                                "tracks_left track_left from_right_to_left right_to_left"},
    {MOVE_X, 0.24, "pan right", "pan_right pans_right panning_right pan_to_the_right pans_to_the_right truck_right slide_right slides_right move_right moves_right camera_right "
                                "scroll_right tracks_right track_right from_left_to_right left_to_right pan pans panning tracking slides sideways"},
    {MOVE_Y, -0.22, "pan up", "pan_up pans_up panning_up tilt_up tilts_up tilting_up move_up moves_up crane_up cranes_up rise_up pedestal_up camera_rises upward upwards scroll_up"},
    {MOVE_Y, 0.22, "pan down", "pan_down pans_down panning_down tilt_down tilts_down tilting_down move_down moves_down crane_down cranes_down pedestal_down camera_descends "
                               "downward downwards scroll_down"},
    {MOVE_TURN, 2 * M_PI, "spin", "spin spins spinning whirl whirls whirling twirl twirls pirouette revolve revolves revolving barrel_roll 360"},
    {MOVE_TURN, 0.42, "rotate", "rotate rotates rotating roll rolls rolling turn turns turning twist twists tilt tilts tilting dutch_angle"},
    {MOVE_SHAKE, 1, "shake", "shake shakes shaking shaky handheld hand_held tremble trembles trembling earthquake vibrate vibrates vibrating rumble rumbles jitter"},
    {MOVE_PULSE, 1, "pulse", "pulse pulses pulsing pulsate pulsates throb throbs heartbeat breathe breathes breathing beat beats bounce bounces bouncing"},
    {MOVE_SWAY, 1, "sway", "sway sways swaying swing swings swinging rock rocks rocking wobble wobbles wobbling"},
    {MOVE_FLOAT, 1, "float", "float floats floating hover hovers hovering drift drifts drifting levitate levitates bob bobs bobbing"},
    {MOVE_ORBIT, 1, "orbit", "orbit orbits orbiting arc arcs circle circles circling around_it around_the parallax 3d"}};
enum { KNOWN = sizeof known / sizeof *known };

static double pace(const struct prompt *p, int from, int to) {
    static const struct { const char *words; double speed; } t[] = {
        {"very_slowly extremely_slowly imperceptibly", 0.3}, {"slow slowly slow_motion slowmotion gentle gently gradual gradually calm calmly lazily leisurely softly subtle subtly peacefully", 0.55},
        {"very_fast very_quickly extremely_fast lightning_fast violently wildly frantically", 2.6},
        {"fast quick quickly rapid rapidly swift swiftly sudden suddenly dramatic dramatically energetic hectic speeding racing races furiously", 1.8}};
    for (size_t i = 0; i < sizeof t / sizeof *t; i++)
        for (const char *at = t[i].words; *at;) {
            char phrase[40];
            size_t n = strcspn(at, " ");
            must(n < sizeof phrase);
            memcpy(phrase, at, n);
            phrase[n] = 0;
            int found = prompt_find(p, phrase, from);
            if (found >= 0 && found < to) return t[i].speed;
            at += n;
            while (*at == ' ') at++;
        }
    return 0;
}

/* The longest phrase of a list that stands in [from, to), and where; 0: none. */
static int stands(const struct prompt *p, const char *words, int from, int to, int *out_at) {
    int best = 0;
    for (const char *at = words; *at;) {
        char phrase[40];
        size_t n = strcspn(at, " ");
        must(n < sizeof phrase);
        memcpy(phrase, at, n);
        phrase[n] = 0;
        int length = 1, found = prompt_find(p, phrase, from);
        for (size_t i = 0; i < n; i++) length += phrase[i] == '_';
        if (found >= 0 && found + length <= to && length > best) best = length, *out_at = found;
        at += n;
        while (*at == ' ') at++;
    }
    return best;
}

static struct move *add(struct motion_plan *m, enum move_kind kind, double amount, double from, double to) {
    if (m->move_count == MOTION_MOVES) return NULL;
    m->moves[m->move_count] = (struct move){kind, amount, from, to, 1};
    return &m->moves[m->move_count++];
}

/* One step of a prompt such as "zoom in, then pan left". */
static void read_step(const struct prompt *p, int from, int to, double t0, double t1, struct motion_plan *m) {
    double speed = pace(p, from, to), k = speed > 0 ? speed : m->speed;
    bool back = prompt_has(p, "counterclockwise anticlockwise ccw"), taken[PROMPT_WORDS] = {0};
    /* Longer phrases first: "zoom out" is not "zoom". */
    for (int want = 4; want > 0; want--)
        for (int i = 0; i < KNOWN; i++) {
            int at = 0, n = stands(p, known[i].words, from, to, &at);
            if (n != want) continue;
            bool used = false;
            for (int w = at; w < at + n; w++) used = used || taken[w];
            if (used) continue;
            for (int w = at; w < at + n; w++) taken[w] = true;
            double amount = known[i].amount * (known[i].kind == MOVE_TURN && back ? -1 : 1), degrees;
            for (int w = at; known[i].kind == MOVE_TURN && w < to && w < at + 5; w++)
                if (prompt_number(p, w, &degrees) && degrees >= 5 && degrees <= 1080) amount = degrees * M_PI / 180 * (back ? -1 : 1), k = 1;
            bool goes_on = known[i].kind >= MOVE_SHAKE;
            double strength = speed > 0 ? 1 : prompt_degree(p, at); /* "very slowly" is not "very" */
            struct move *v = add(m, known[i].kind, goes_on ? strength : amount * pow(k, 0.75) * strength, t0, t1);
            if (v) v->rate = k;
            m->camera_named = true;
        }
    for (int i = 0; i < m->move_count; i++) /* opposite pans in one step follow each other */
        for (int l = i + 1; l < m->move_count; l++)
            if (m->moves[i].kind == m->moves[l].kind && m->moves[i].from == m->moves[l].from && m->moves[i].amount * m->moves[l].amount < 0 && m->moves[l].kind <= MOVE_Y) {
                double middle = (m->moves[i].from + m->moves[i].to) / 2;
                m->moves[i].to = middle, m->moves[l].from = middle;
            }
}

static void read_camera(const struct prompt *p, struct motion_plan *m) {
    int cuts[8] = {0}, count = 1;
    for (int i = 1; i + 1 < p->count && count < 7; i++)
        if (!strcmp(p->word[i], "then") || !strcmp(p->word[i], "afterwards") || !strcmp(p->word[i], "finally") || !strcmp(p->word[i], "before")) cuts[count++] = i;
    cuts[count] = p->count;
    for (int i = 0; i < count; i++) read_step(p, cuts[i], cuts[i + 1], (double)i / count, (i + 1.0) / count, m);
    m->still = prompt_has(p, "static_camera still_camera locked_off static_shot fixed_camera camera_stays camera_is_still tripod no_camera");
    if (m->still) {
        m->move_count = 0;
        m->camera_named = true;
    }
}

static double amount(const struct prompt *p, const char *words) {
    int at = prompt_any(p, words);
    return at < 0 ? 0 : prompt_degree(p, at);
}

static void read_effects(const struct prompt *p, struct motion_plan *m) {
    m->rain = amount(p, "rain rains raining rainy rainstorm downpour drizzle storm stormy thunderstorm");
    m->snow = amount(p, "snow snows snowing snowy snowfall snowflakes snowstorm blizzard");
    m->fog = amount(p, "fog foggy mist misty haze smoke steam");
    m->sparkle = amount(p, "sparkle sparkles sparkling glitter glitters glittering twinkle twinkles twinkling shimmer shimmering magic magical fairy_dust stardust fireflies fireworks");
    m->petals = amount(p, "petals leaves confetti blossoms cherry_blossom feathers falling_leaves");
    m->bubbles = amount(p, "bubbles underwater bubbling");
    m->petal_colour = rgb_hex(prompt_has(p, "leaves autumn") ? "d9822b" : prompt_has(p, "confetti") ? "ffcf3f" : "f7b6cc");
    m->wave = prompt_has(p, "wave waves wavy ripple ripples rippling underwater liquid melt melts melting flag heat_haze mirage");
    m->lightning = prompt_has(p, "lightning thunder thunderstorm");
    m->flash = prompt_has(p, "flash flashes strobe");
    m->focus_in = prompt_has(p, "comes_into_focus come_into_focus into_focus focus_in rack_focus sharpens");
    m->focus_out = prompt_has(p, "out_of_focus blurs blur_out loses_focus defocus");
    enum fade colour = prompt_has(p, "white") && prompt_has(p, "fade fades fading dissolve dissolves") ? FADE_WHITE : FADE_BLACK;
    if (prompt_has(p, "fade_in fades_in fading_in fade_from fades_from fade_up")) m->fade_in = colour;
    if (prompt_has(p, "fade_out fades_out fading_out fade_to fades_to fades_away fade_away")) m->fade_out = colour;
    else if (!m->fade_in && prompt_has(p, "fade fades fading")) m->fade_in = m->fade_out = colour;
    if (prompt_has(p, "turns_black_and_white turn_black_and_white to_black_and_white loses_colour loses_color desaturates")) m->grey_to = 1;
    else if (prompt_has(p, "gains_colour gains_color into_colour into_color to_colour to_color colour_returns color_returns")) m->grey_from = 1;
    else if (prompt_has(p, "black_and_white monochrome noir greyscale grayscale")) m->grey_from = m->grey_to = 1;
}

static void read_hours(const struct prompt *p, struct motion_plan *m) {
    static const char *const hours[] = {[TIME_DAY] = "day daytime daylight noon afternoon morning sunny", [TIME_DAWN] = "dawn sunrise daybreak", [TIME_DUSK] = "dusk sunset evening twilight",
                                        [TIME_NIGHT] = "night nighttime nightfall midnight dark darkness"};
    int at[4], first = -1, last = -1;
    for (int i = 0; i < 4; i++) {
        at[i] = prompt_any(p, hours[i]);
        if (at[i] < 0) continue;
        if (first < 0 || at[i] < at[first]) first = i;
        if (last < 0 || at[i] > at[last]) last = i;
    }
    bool becomes = prompt_has(p, "turns turn becomes become to into until falls fall timelapse time_lapse transition transitions changes changing comes approaches");
    m->time_from = m->time_to = first < 0 ? TIME_DAY : (enum time_of_day)first;
    if (first >= 0 && first != last && becomes) m->time_to = (enum time_of_day)last;
    else if (prompt_has(p, "sun_sets sun_goes_down sun_setting night_falls nightfall getting_dark gets_dark turns_to_night turns_into_night becomes_night"))
        m->time_from = TIME_DAY, m->time_to = prompt_has(p, "sun_sets sun_setting") ? TIME_DUSK : TIME_NIGHT;
    else if (prompt_has(p, "sun_rises sun_comes_up sun_rising day_breaks dawn_breaks turns_to_day")) m->time_from = TIME_NIGHT, m->time_to = TIME_DAY;
    m->time_passes = m->time_from != m->time_to;
    static const double dark[] = {[TIME_DAY] = 0, [TIME_DAWN] = 0.12, [TIME_DUSK] = 0.25, [TIME_NIGHT] = 0.92}, warm[] = {[TIME_DAY] = 0, [TIME_DAWN] = 0.6, [TIME_DUSK] = 1, [TIME_NIGHT] = 0};
    if (m->time_passes || first >= 0) {
        m->night_from = m->time_passes ? dark[m->time_from] : 0, m->night_to = dark[m->time_to];
        m->warm_from = m->time_passes ? warm[m->time_from] : 0, m->warm_to = warm[m->time_to];
    }
}

/* A direction that is not the camera's: "pans to the left" is. */
static bool goes(const struct prompt *p, const char *words) {
    int at = 0;
    if (!stands(p, words, 0, p->count, &at)) return false;
    return at == 0 || (strncmp(p->word[at - 1], "pan", 3) && strncmp(p->word[at - 1], "tilt", 4));
}

static void read_doing(const struct prompt *p, struct motion_plan *m) {
    m->heading = goes(p, "leftward leftwards to_the_left from_the_right from_right") ? -1 : goes(p, "rightward rightwards to_the_right from_the_left from_left") ? 1 : 0;
    m->rise = prompt_has(p, "rise rises rising takes_off take_off launch launches lifts ascend ascends ascending soar soars up_into flies_up climbs") ? 1
            : prompt_has(p, "fall falls falling sink sinks sinking descend descends landing lands land") ? -1 : 0;
    m->jumps = prompt_has(p, "jump jumps jumping hop hops hopping bounce bounces bouncing leap leaps leaping");
    m->dances = prompt_has(p, "dance dances dancing wiggle wiggles party");
    m->spins = prompt_has(p, "spin spins spinning twirl twirls tumble tumbles rolls rolling");
    m->grows = prompt_has(p, "grow grows growing bigger larger swell swells");
    m->busy = prompt_has(p, "drive drives driving ride rides riding run runs running race races racing walk walks walking fly flies flying sail sails sailing swim swims swimming "
                            "move moves moving cross crosses crossing travel travels roll rolls gallop gallops march marches chase chases dash glide glides gliding pass passes passing rush rushes");
}

void motion_read_prompt(struct str text, struct motion_plan *out) {
    struct prompt *p = malloc(sizeof *p);
    struct motion_plan m = {0};
    must(p);
    prompt_read(text, p);
    m.speed = pace(p, 0, p->count);
    bool paced = m.speed > 0;
    if (!paced) m.speed = 1;
    m.smooth = !prompt_has(p, "linear constant_speed constantly steady");
    read_camera(p, &m);
    read_effects(p, &m);
    read_hours(p, &m);
    read_doing(p, &m);
    m.says_camera = prompt_has(p, "camera shot handheld hand_held drone dolly");
    m.says_pan = m.says_camera || prompt_has(p, "pan pans panning tilt tilts tilting tracking crane scroll scrolls parallax");
    m.says_zoom = m.says_camera || prompt_has(p, "zoom zooms zooming push pushes pull pulls reveal close_up closer");
    if (!m.heading && !m.says_pan) m.heading = prompt_has(p, "left") ? -1 : prompt_has(p, "right") ? 1 : 0;
    free(p);
    m.understood = m.camera_named || m.rain > 0 || m.snow > 0 || m.fog > 0 || m.sparkle > 0 || m.petals > 0 || m.bubbles > 0 || m.fade_in || m.fade_out || m.flash || m.lightning ||
                   m.wave || m.focus_in || m.focus_out || m.time_passes || m.grey_from > 0 || m.grey_to > 0 || m.night_to > 0 || m.busy || m.jumps || m.dances || m.spins || m.grows || m.rise;
    *out = m;
}

void motion_keep_camera(struct motion_plan *m) {
    int kept = 0;
    for (int i = 0; i < m->move_count; i++) {
        enum move_kind k = m->moves[i].kind;
        bool keep = m->says_camera || (k == MOVE_ZOOM ? m->says_zoom : k == MOVE_X || k == MOVE_Y || k == MOVE_ORBIT ? m->says_pan : false);
        if (keep) m->moves[kept++] = m->moves[i];
    }
    m->move_count = kept;
    m->camera_named = m->still || kept;
}

void motion_drift(struct motion_plan *m, uint64_t seed, double amount) {
    if (m->camera_named) return;
    struct dice d = dice_of(seed, "drift");
    double side = dice_next(&d) & 1 ? 1 : -1;
    add(m, MOVE_ZOOM, amount * (dice_next(&d) % 3 ? 1 : -1), 0, 1);
    add(m, MOVE_X, side * amount * 0.7, 0, 1);
    add(m, MOVE_Y, dice_in(&d, -0.25, 0.25) * amount, 0, 1);
}

static void say(struct jw *w, bool when, const char *what) {
    if (when) jw_z(w, what);
}

void motion_write_plan(const struct motion_plan *m, struct jw *w) {
    jw_key(w, "camera");
    jw_open(w, '[');
    for (int i = 0; i < m->move_count; i++)
        for (int k = 0; k < KNOWN; k++)
            if (known[k].kind == m->moves[i].kind && (known[k].kind >= MOVE_SHAKE || (known[k].kind == MOVE_TURN ? (fabs(m->moves[i].amount) > 3) == (k == 6)
                                                                                                                 : known[k].amount * m->moves[i].amount > 0))) {
                jw_z(w, known[k].name);
                break;
            }
    jw_close(w, ']');
    jw_key(w, "effects");
    jw_open(w, '[');
    say(w, m->rain > 0, "rain"), say(w, m->snow > 0, "snow"), say(w, m->fog > 0, "fog"), say(w, m->sparkle > 0, "sparkle"), say(w, m->petals > 0, "petals");
    say(w, m->bubbles > 0, "bubbles"), say(w, m->wave, "wave"), say(w, m->flash, "flash"), say(w, m->lightning, "lightning");
    say(w, m->focus_in, "focus in"), say(w, m->focus_out, "focus out"), say(w, m->fade_in != FADE_NONE, "fade in"), say(w, m->fade_out != FADE_NONE, "fade out");
    say(w, m->grey_from > 0 || m->grey_to > 0, "black and white");
    jw_close(w, ']');
    jw_key(w, "time_passes");
    if (m->time_passes) {
        jw_open(w, '[');
        jw_z(w, sketch_time_name(m->time_from)), jw_z(w, sketch_time_name(m->time_to));
        jw_close(w, ']');
    } else jw_null(w);
    jw_kz(w, "pace", m->speed < 0.9 ? "slow" : m->speed > 1.2 ? "quick" : "usual");
}

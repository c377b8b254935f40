/* Words of a song: what it is about, its title, and lyrics by a small grammar: lines that end in one of a few sounds, paired so that
 * they rhyme. Given lyrics are kept as they are and laid out over the song. Called by tune_job.c and tune_make_plan. */
#include "media/helper/tune.h"
#include "media/helper/tune_words.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

enum { LINES_A_RHYME = 8, RHYMES = 9 };

/* % is the theme. '+' first: only in bright songs, '-' only in others. Lines of one group rhyme and end in different words. */
static const char *const verses[RHYMES][LINES_A_RHYME] = {
    {"I was thinking of % in the middle of the night", "There was something in the distance like a light", "-I held on to a memory, I held it tight", "+And all at once the world is bright",
     "You were standing there, so near and out of sight", "Every wrong was turning right", "A paper plane was taking flight", "I wrote it down, I got to write"},
    {"I remember % from another day", "All the clouds were rolling away", "There was nothing left for us to say", "+Come along with me, you ought to stay",
     "-The colours faded into grey", "I heard the music start to play", "Somebody has to lead the way", "The wind came over from the bay"},
    {"% was all that I could see", "Open up the window, let me be", "There are places you can go for free", "I never knew what I could be until we were three",
     "-The leaves came falling from the tree", "+You hold my hand, you turn the key", "The river runs down to the sea", "It was only ever you and me"},
    {"I found % on an open road", "-I was carrying a heavy load", "All the rivers overflowed", "You could read it like a secret code", "The fields were green where the farmers mowed", "+And in your eyes the morning glowed",
     "A letter came that no one owed", "The engine hummed, the headlights slowed"},
    {"Looking for % in the pouring rain", "I was riding on a midnight train", "Let me tell it to you plain", "-I have known the joy, I have known the pain", "There is nothing lost and much to gain",
     "+We will dance along the lane", "I would do it all again", "A light goes on behind the pane"},
    {"They were singing of % in the street below", "There is something that you ought to know", "Take it easy, take it slow", "Watch the seeds we planted grow", "-It is hard, so hard to let it go", "+See the windows all aglow",
     "Footprints in the falling snow", "The tide will ebb, the tide will flow"},
    {"I gave to % a place inside my heart", "Every ending is a place to start", "I know the lines, I know my part", "-We were always worlds apart", "+Every day a work of art", "I drew a cross upon the chart",
     "An apple fell out of the cart", "I never said that I was smart"},
    {"I would follow % underneath the moon", "It is getting late, it will be soon", "Someone hums a simple tune", "+Dancing in the month of June", "-The summer ended all too soon, my friend, too soon",
     "We talked all through the afternoon", "A silver fork, a silver spoon", "I let it go like a balloon"},
    {"I have never seen % look so fine", "I kept a letter, only a line", "Sooner or later it will be mine", "Somebody left the porch light on to shine", "+Cold lemonade and summer wine", "-I never read the warning sign",
     "The clock is striking half past nine", "The coat is yours, the hat is mine"},
};
/* Choruses: two lines a rhyme, the first of them with the theme. */
static const char *const choruses[][4] = {
    {"Oh, %, carry me home tonight", "Everything is going to be alright", "Oh, %, show me the way to go", "You are the only one I know"},
    {"Sing for %, sing it out loud", "Here in the silence, there in the crowd", "Sing for %, sing it again", "You are the now, you are the then"},
    {"This is for %, this is for you", "Under a sky of endless blue", "This is for %, come what may", "We will be dancing at break of day"},
    {"All for %, and all for love", "Stars below and stars above", "All for %, and all for more", "Knocking on an open door"},
    {"Give me %, give me a sign", "Let it be yours, let it be mine", "Give me %, give me a song", "This is the place where I belong"},
    {"Nothing but % on my mind", "Leaving the shadows far behind", "Nothing but % in my soul", "You are the half that makes me whole"},
};
static const char *const bridges[][2] = {
    {"And if the world should turn to stone", "I will not leave you here alone"}, {"So let the quiet take its turn", "We live, we lose, we love, we learn"},
    {"Hold your breath and count to four", "And then we are the ones we were before"}, {"When the last of the lights goes out", "I will know what it was about"}};

static void add_text(char *out, size_t room, struct str s) {
    size_t n = strlen(out);
    for (size_t i = 0; i < s.len && n + 1 < room; i++) {
        unsigned char c = (unsigned char)s.ptr[i];
        bool blank = c < 32 || c == ' ' || c == 127;
        if (blank && (!n || out[n - 1] == ' ')) continue;
        out[n++] = blank ? ' ' : (char)c;
        out[n] = 0;
    }
    while (n && (out[n - 1] == ' ' || !str_is_utf8(str_n(out, n)))) out[--n] = 0;
}

static bool is_word(const char *list, const char *word, size_t n) {
    for (const char *p = list; (p = strstr(p, word)); p++)
        if ((p == list || p[-1] == ' ') && (p[n] == ' ' || !p[n])) return true;
    return false;
}

/* The words after "about" up to the next break; else the first run of words that say something. */
static void find_theme(struct str text, char *out, size_t room) {
    static const char breaks[] = "with in for that which who by at using featuring while where from but as and then when set during to on";
    static const char small[] = "a an the some make me write compose create song songs tune track music piece please give i want would like of in for with and or to on at by is are it its my "
                                "your our this that very really new short long instrumental vocals vocal singing lyrics style vibe feel mood slow fast happy sad calm epic upbeat dark bright soft "
                                "gentle energetic melancholic melancholy dreamy powerful quick relaxing cheerful acoustic catchy beautiful pop rock jazz lofi lo fi hip hop ambient classical "
                                "electronic folk blues metal waltz latin country funk disco reggae techno house cinematic synthwave lullaby anthem ballad jingle theme beat bpm minor major key "
                                "guitar piano drums bass violin";
    static const char *const marks[] = {"about ", "About "};
    struct str from = {0};
    for (size_t m = 0; m < 2 && !from.len; m++)
        for (size_t i = 0; i + 6 < text.len; i++)
            if (str_starts(str_skip(text, i), str_of(marks[m])) && (i == 0 || text.ptr[i - 1] == ' ')) from = str_skip(text, i + 6);
    bool about = from.len > 0;
    if (!about) from = text;
    int words = 0;
    char word[32];
    *out = 0;
    for (size_t i = 0; i < from.len && words < (about ? 4 : 2);) {
        size_t n = 0;
        while (i < from.len && from.ptr[i] == ' ') i++;
        size_t start = i;
        while (i < from.len && !strchr(" ,.;:!?\"()\r\n\t", from.ptr[i])) i++;
        for (size_t k = start; k < i && n < sizeof word - 1; k++) word[n++] = (char)tolower((unsigned char)from.ptr[k]);
        word[n] = 0;
        bool stop = i < from.len && from.ptr[i] != ' ';
        bool skip = !n || (about ? is_word(breaks, word, n) && words > 0 : is_word(small, word, n) || isdigit((unsigned char)word[0]));
        if (skip && n && words) break;
        if (!skip && strlen(out) + n + 2 < room) {
            size_t used = strlen(out);
            if (words++) snprintf(out + used, room - used, " ");
            add_text(out, room, str_n(from.ptr + start, i - start));
        }
        if (stop && words) break;
        if (stop || i == start) i++;
    }
}

static void capitalise(char *s) {
    for (size_t i = 0; s[i]; i++)
        if (i == 0 || s[i - 1] == ' ') s[i] = (char)toupper((unsigned char)s[i]);
}

void tune_name(const struct tune_inputs *in, struct tune_plan *p) {
    const struct str sources[] = {in->prompt, in->description, in->title};
    for (size_t i = 0; i < sizeof sources / sizeof *sources && !*p->theme; i++) find_theme(sources[i], p->theme, sizeof p->theme);
    *p->title = 0;
    add_text(p->title, sizeof p->title, in->title);
    if (!*p->title && *p->theme) {
        add_text(p->title, sizeof p->title, str_of(p->theme));
        capitalise(p->title);
    }
    if (!*p->title) {
        snprintf(p->title, sizeof p->title, "%s in %s", p->style->name, p->key);
        p->title[0] = (char)toupper((unsigned char)p->title[0]);
    }
}

/* What the grammar may still use. */
struct writer {
    struct arena *a;
    const struct tune_plan *p;
    struct dice d;
    bool used[RHYMES][LINES_A_RHYME], spent[RHYMES];
    struct tune_lyrics *out;
    struct buf text;
};

static struct str fill_in(struct writer *w, const char *line) {
    const char *theme = *w->p->theme ? w->p->theme : "the music";
    const char *at = strchr(line += *line == '+' || *line == '-', '%');
    struct str s = at ? arena_printf(w->a, "%.*s%s%s", (int)(at - line), line, theme, at + 1) : arena_dup(w->a, str_of(line));
    char *first = (char *)(uintptr_t)s.ptr; /* our own copy */
    *first = (char)toupper((unsigned char)*first);
    return s;
}

static void say(struct writer *w, struct str text, int64_t at) {
    buf_str(&w->text, text);
    buf_c(&w->text, '\n');
    if (w->out->line_count < TUNE_MAX_LINES) w->out->lines[w->out->line_count++] = (struct tune_line){text, at};
}

static const char *pick(struct writer *w, int rhyme, bool themed) {
    for (int tries = 0; tries < 60; tries++) {
        int i = themed ? 0 : 1 + (int)(dice_next(&w->d) % (LINES_A_RHYME - 1));
        const char *line = verses[rhyme][i];
        if ((*line == '+' && w->p->dark) || (*line == '-' && w->p->bright)) continue;
        if (w->used[rhyme][i] && tries < 40) continue;
        w->used[rhyme][i] = true;
        return line;
    }
    return verses[rhyme][LINES_A_RHYME - 1];
}

/* Couplets; the first line of each names the theme once per verse. */
static void write_verse(struct writer *w, const struct tune_section *x, int lines) {
    int64_t start = tune_bar_ms(w->p, x->first_bar), length = tune_section_end_ms(w->p, x) - start;
    int left = 0;
    for (int i = 0; i < RHYMES; i++) left += !w->spent[i];
    for (int i = 0; i < lines; i += 2) {
        if (!left) memset(w->spent, 0, sizeof w->spent), left = RHYMES;
        int rhyme = (int)(dice_next(&w->d) % RHYMES);
        while (w->spent[rhyme]) rhyme = (rhyme + 1) % RHYMES;
        w->spent[rhyme] = true;
        left--;
        say(w, fill_in(w, pick(w, rhyme, i == 0)), start + length * i / lines);
        say(w, fill_in(w, pick(w, rhyme, false)), start + length * (i + 1) / lines);
    }
}

static void write_fixed(struct writer *w, const struct tune_section *x, const char *const *text, int count, int lines) {
    int64_t start = tune_bar_ms(w->p, x->first_bar), length = tune_section_end_ms(w->p, x) - start;
    for (int i = 0; i < lines; i++) say(w, fill_in(w, text[i % count]), start + length * i / lines);
}

static bool is_sung(enum tune_kind k) { return k == SECTION_VERSE || k == SECTION_CHORUS || k == SECTION_BRIDGE; }

static void write_new(const struct tune_inputs *in, const struct tune_plan *p, struct arena *a, struct tune_lyrics *out) {
    struct writer w = {.a = a, .p = p, .d = dice_of(in->seed, "lyrics"), .out = out};
    const char *const *chorus = choruses[dice_next(&w.d) % (sizeof choruses / sizeof *choruses)];
    const char *const *bridge = bridges[dice_next(&w.d) % (sizeof bridges / sizeof *bridges)];
    int verse_count = 0;
    for (int i = 0; i < p->section_count; i++) verse_count += p->sections[i].kind == SECTION_VERSE;
    for (int i = 0; i < p->section_count; i++) {
        const struct tune_section *x = &p->sections[i];
        int lines = x->bars <= 2 ? 2 : x->bars <= 8 ? 4 : 8;
        if (!is_sung(x->kind)) continue;
        if (w.text.len) buf_c(&w.text, '\n');
        if (x->kind == SECTION_VERSE && verse_count > 1) buf_printf(&w.text, "[Verse %d]\n", x->nth + 1);
        else buf_printf(&w.text, "[%s]\n", x->kind == SECTION_VERSE ? "Verse" : x->kind == SECTION_CHORUS ? "Chorus" : "Bridge");
        if (x->kind == SECTION_VERSE) write_verse(&w, x, lines);
        else if (x->kind == SECTION_CHORUS) write_fixed(&w, x, chorus, 4, lines);
        else write_fixed(&w, x, bridge, 2, 2);
    }
    if (w.text.len) out->text = str_trim(arena_dup(a, str_n(w.text.ptr, w.text.len - 1)));
    buf_done(&w.text);
}

/* Lines that stand together in given lyrics. */
struct block {
    int first, count;
    int kind; /* -1: not said */
};

static int marked_kind(struct str line) {
    static const struct { const char *words; int kind; } known[] = {
        {"chorus hook refrain refrão refrain coro estribillo", SECTION_CHORUS}, {"verse strophe vers verso couplet strofa", SECTION_VERSE}, {"bridge puente pont ponte", SECTION_BRIDGE}};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (tune_says(line, known[i].words)) return known[i].kind;
    return -1;
}

static int read_blocks(struct tune_lyrics *out, struct block *blocks) {
    struct str rest = out->text, line;
    int count = 0, kind = -1;
    bool open = false;
    for (bool more = rest.len > 0; more;) {
        more = str_cut(rest, '\n', &line, &rest);
        while (line.len && line.ptr[line.len - 1] == '\r') line.len--;
        line = str_trim(line);
        bool mark = line.len > 1 && ((line.ptr[0] == '[' && line.ptr[line.len - 1] == ']') || (line.ptr[0] == '(' && line.ptr[line.len - 1] == ')' && marked_kind(line) >= 0));
        if (!line.len || mark) {
            open = false;
            if (mark) kind = marked_kind(line);
            continue;
        }
        if (out->line_count == TUNE_MAX_LINES) break;
        if (!open) {
            blocks[count++] = (struct block){out->line_count, 0, kind};
            kind = -1;
            open = true;
        }
        blocks[count - 1].count++;
        out->lines[out->line_count++].text = line;
    }
    return count;
}

/* Blocks go to sung sections in order: where there are no more blocks than sections a block that says what it is waits for such
 * a section; where there are more they share. Within a section lines follow each other evenly. */
static void lay_out(const struct tune_plan *p, struct tune_lyrics *out) {
    struct block *blocks = calloc(TUNE_MAX_LINES, sizeof *blocks);
    const struct tune_section *sung[TUNE_MAX_SECTIONS];
    int sung_count = 0, lines[TUNE_MAX_SECTIONS] = {0}, done[TUNE_MAX_SECTIONS] = {0}, *where = calloc(TUNE_MAX_LINES, sizeof *where);
    must(blocks && where);
    int count = read_blocks(out, blocks);
    for (int i = 0; i < p->section_count; i++)
        if (is_sung(p->sections[i].kind)) sung[sung_count++] = &p->sections[i];
    for (int b = 0, at = 0; b < count; b++) {
        int to = count > sung_count ? b * sung_count / count : at;
        if (count <= sung_count && blocks[b].kind >= 0)
            for (int s = at; s + (count - b - 1) < sung_count; s++)
                if ((int)sung[s]->kind == blocks[b].kind) {
                    to = s;
                    break;
                }
        at = to + 1;
        for (int i = 0; i < blocks[b].count; i++) where[blocks[b].first + i] = to;
        lines[to] += blocks[b].count;
    }
    for (int i = 0; i < out->line_count; i++) {
        int s = where[i];
        int64_t start = tune_bar_ms(p, sung[s]->first_bar), length = tune_section_end_ms(p, sung[s]) - start;
        out->lines[i].start_ms = start + length * done[s]++ / lines[s];
    }
    free(blocks);
    free(where);
}

void tune_make_lyrics(const struct tune_inputs *in, const struct tune_plan *p, struct arena *a, struct tune_lyrics *out) {
    *out = (struct tune_lyrics){0};
    if (in->instrumental || tune_says(in->prompt, "instrumental") || tune_says(in->style, "instrumental")) {
        if (!in->lyrics.len) return;
    }
    if (!in->lyrics.len) {
        write_new(in, p, a, out);
        return;
    }
    out->text = in->lyrics;
    lay_out(p, out);
}

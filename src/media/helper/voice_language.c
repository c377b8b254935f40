/* Languages and speakers as data, and which language a text is in. Called by voice_text.c and voice_job.c. */
#include "media/helper/tune_words.h"
#include "media/helper/voice.h"

#include <stdio.h>
#include <stdlib.h>

/* The first is what a text is read in when nothing tells. */
#define LANGUAGE(code, program, aliases) {code, program, aliases},
const struct voice_language voice_languages[] = {
#include "media/helper/voice_languages.def"
};
#undef LANGUAGE
const int voice_language_count = sizeof voice_languages / sizeof *voice_languages;

#define PRESET(name, variant, pitch, words) {name, variant, pitch, words},
const struct voice_preset voice_presets[] = {
#include "media/helper/voice_presets.def"
};
#undef PRESET
const int voice_preset_count = sizeof voice_presets / sizeof *voice_presets;

/* A command line takes only constants of ours, so every pair stands here; in the order of voice_presets.def. */
#define LANGUAGE(code, program, aliases)                                                                                                          \
    program "+f3", program "+f2", program "+f4", program "+f5", program "+m3", program "+m1", program "+m7", program "+m2", program "+grandma", \
        program "+grandpa", program "+klatt4", program "+whisper",
const char *const voice_words[] = {
#include "media/helper/voice_languages.def"
    NULL};
#undef LANGUAGE

static int find(const char *code) {
    for (int i = 0; i < voice_language_count; i++)
        if (!strcmp(voice_languages[i].code, code)) return i;
    return 0;
}

struct script {
    uint32_t first, last;
    const char *code; /* the language most written in it; of several with one code the counts add up */
};
static const struct script scripts[] = {
    {0x0370, 0x03ff, "el"}, {0x1f00, 0x1fff, "el"}, {0x0400, 0x052f, "ru"}, {0x0530, 0x058f, "hy"}, {0x0590, 0x05ff, "he"}, {0x0600, 0x06ff, "ar"}, {0x0750, 0x077f, "ar"},
    {0x0900, 0x097f, "hi"}, {0x0980, 0x09ff, "bn"}, {0x0a00, 0x0a7f, "pa"}, {0x0a80, 0x0aff, "gu"}, {0x0b80, 0x0bff, "ta"}, {0x0c00, 0x0c7f, "te"}, {0x0c80, 0x0cff, "kn"}, {0x0d00, 0x0d7f, "ml"},
    {0x0d80, 0x0dff, "si"}, {0x0e00, 0x0e7f, "th"}, {0x1000, 0x109f, "my"}, {0x10a0, 0x10ff, "ka"}, {0x1200, 0x137f, "am"}, {0x3040, 0x30ff, "ja"}, {0x4e00, 0x9fff, "zh"}, {0x3400, 0x4dbf, "zh"},
    {0xac00, 0xd7af, "ko"}, {0x1100, 0x11ff, "ko"}};
enum { SCRIPTS = sizeof scripts / sizeof *scripts };

static uint32_t code_point(const unsigned char *u, size_t n) {
    return n == 2 ? (u[0] & 0x1fU) << 6 | (u[1] & 0x3fU) : n == 3 ? (u[0] & 0x0fU) << 12 | (u[1] & 0x3fU) << 6 | (u[2] & 0x3fU) : u[0];
}

static bool holds(struct str s, const char *letters) {
    struct str rest = str_of(letters), one;
    for (bool more = true; more;) {
        more = str_cut(rest, ' ', &one, &rest);
        if (one.len && memmem(s.ptr, s.len, one.ptr, one.len)) return true;
    }
    return false;
}

/* Several languages share a script; letters that only one of them has decide. */
static const char *by_letters(const char *code, struct str s) {
    if (!strcmp(code, "ru")) {
        if (holds(s, "\u0457 \u0454 \u0491 \u0407 \u0404")) return "uk";
        if (holds(s, "\u0452 \u045b \u045f \u0402 \u040b")) return "sr";
        if (holds(s, "\u0453 \u045c \u0455")) return "mk";
        if (holds(s, "\u045e \u040e")) return "be";
        if (!holds(s, "\u044b \u044d \u042b \u042d") && holds(s, "\u044a")) return "bg";
        return "ru";
    }
    if (!strcmp(code, "ar")) {
        if (holds(s, "\u0679 \u0688 \u0691 \u06ba \u06d2")) return "ur";
        if (holds(s, "\u067e \u0686 \u0698 \u06af \u06cc")) return "fa";
    }
    if (!strcmp(code, "hi") && holds(s, "\u0933")) return "mr";
    return code;
}

/* The commonest words, as tune_fold leaves them, and letters that are rare elsewhere. */
static const struct { const char *code, *words, *letters; } latin[] = {
    {"en", "the and is of to you that it with for are this was have not be what i my hello a an in on at as by from but or if we he she they me no so do can will please one "
           "his her all there when who would about up out more then than them its our your how where why just now very good call open wait say dont cant im youre thats lets", ""},
    {"de", "der die und das ist nicht ein eine ich zu mit sich auf den dem im von wir sie es guten hallo wo bitte danke ja nein bin liebe morgen bist kann gut auch noch wie wenn", "\u00df \u00e4 \u00fc"},
    {"fr", "le la les et est un une des du que je vous pas pour dans ce il elle nous avec bonjour au sur taime cest jai dun dune quil nest suis o\u00f9 merci oui aime tr\u00e8s sont plus mais", "\u00e7 \u00e8 \u00ea \u0153 \u00e0"},
    {"es", "el la los las y es un una que de en por con para no se lo hola est\u00e1 muy c\u00f3mo su buenos d\u00edas gracias d\u00f3nde est\u00e1n soy yo t\u00fa pero m\u00e1s", "\u00f1 \u00bf \u00a1"},
    {"it", "il lo la gli e di che un una per non sono con del della mi ciao questo buongiorno come \u00e8 si grazie sul tutti dove sei sono ma pi\u00f9 anche buona", "\u00ec \u00f2 \u00e8"},
    {"pt", "o a os as e que de um uma n\u00e3o para com em do da por voc\u00ea ol\u00e1 est\u00e1 \u00e9 muito bom dia obrigado eu tu mas mais onde sou", "\u00e3 \u00f5 \u00ea"},
    {"nl", "de het een en van ik je dat niet is op te zijn voor met goedemorgen hallo aan wat er ik hou dank hoe waar bent maar ook naar", "ij"},
    {"sv", "och att det som en p\u00e5 \u00e4r av f\u00f6r med till inte den har jag du ett hej god \u00e4lskar dig var tack hur mig", "\u00e5 \u00e4 \u00f6"},
    {"da", "og at det som en p\u00e5 er af for med til ikke den har jeg du et hej", "\u00e6 \u00f8 \u00e5"},
    {"nb", "og at det som en p\u00e5 er av for med til ikke den har jeg du et hei", "\u00e6 \u00f8 \u00e5"},
    {"fi", "ja on ei se ett\u00e4 oli h\u00e4n mutta ovat min\u00e4 sin\u00e4 t\u00e4m\u00e4 hei hyv\u00e4\u00e4 olen", "yy ii \u00e4\u00e4"},
    {"pl", "i w nie na z si\u0119 do jest to \u017ce jak co ale dzie\u0144 dobry cze\u015b\u0107 jestem gdzie ci\u0119 tak mam kocham dzi\u0119kuj\u0119", "\u0142 \u0105 \u0119 \u017c \u015b \u0107"},
    {"cs", "a v na se je to s z do \u017ee jak ale dobr\u00fd den ahoj jsem", "\u011b \u0159 \u016f \u017e"},
    {"sk", "a v na sa je to s z do \u017ee ako ale dobr\u00fd de\u0148 ahoj som", "\u013e \u0155 \u00f4 \u010f"},
    {"tr", "ve bir bu da de i\u00e7in ne \u00e7ok ile ben merhaba nas\u0131l var de\u011fil", "\u0131 \u011f \u015f \u0130"},
    {"hu", "a az \u00e9s hogy nem van egy ez meg is szia j\u00f3 nap", "\u0151 \u0171"},
    {"ro", "\u0219i este nu \u00een de la cu pe un o c\u0103 bun\u0103 sunt", "\u0103 \u0219 \u021b \u00ee"},
    {"vi", "v\u00e0 l\u00e0 c\u1ee7a kh\u00f4ng c\u00f3 t\u00f4i b\u1ea1n xin ch\u00e0o", "\u1ea1 \u1ea3 \u1ebf \u1ed9 \u01b0 \u01a1 \u0111"},
    {"id", "dan yang di ini itu dengan untuk tidak saya selamat halo apa", ""},
    {"ca", "el la els les i que de un una amb per no bon dia hola s\u00f3n aquest", "\u00b7 ny"},
    {"hr", "i u je na se da za ne su dobar dan kako sam", "\u0111 \u0107 \u010d"},
};

/* Short words stand in many languages, and mean little in any. */
static double weight(size_t length) { return length == 1 ? 0.3 : length == 2 ? 0.6 : length == 3 ? 1 : 1.6; }

/* The first is English, which another language has to beat by more than a word that might be of both. */
static int detect_latin(struct str s) {
    struct tune_text *t = malloc(sizeof *t);
    const char *best = "en";
    double most = 0;
    must(t);
    tune_fold(s, t);
    for (size_t i = 0; i < sizeof latin / sizeof *latin; i++) {
        double score = 0;
        struct str rest = str_of(latin[i].words), one;
        for (bool more = true; more;) {
            char word[40];
            more = str_cut(rest, ' ', &one, &rest);
            snprintf(word, sizeof word, " %.*s ", STR_ARG(one));
            int times = 0;
            for (const char *p = t->at; (p = strstr(p, word)) && times < 3; p += one.len) times++;
            score += times * weight(str_code_points(one));
        }
        struct str letters = str_of(latin[i].letters);
        for (bool more = letters.len > 0; more;) {
            more = str_cut(letters, ' ', &one, &letters);
            if (memmem(s.ptr, s.len, one.ptr, one.len)) score += one.ptr[0] & 0x80 ? 1.5 : 0.3;
        }
        if (i == 0) most = score + 0.7;
        if (i && score > most) {
            most = score;
            best = latin[i].code;
        }
    }
    free(t);
    return find(best);
}

int voice_detect(struct str s) {
    size_t counts[SCRIPTS] = {0}, letters = 0, kana = 0;
    for (size_t i = 0, n; i < s.len; i += n) {
        n = utf8_length((const unsigned char *)s.ptr + i, s.len - i);
        if (!n) n = 1;
        uint32_t c = code_point((const unsigned char *)s.ptr + i, n);
        letters += (c | 32) >= 'a' && (c | 32) <= 'z';
        letters += c >= 0xc0 && c < 0x250;
        for (int k = 0; k < SCRIPTS; k++) counts[k] += c >= scripts[k].first && c <= scripts[k].last;
        kana += c >= 0x3040 && c <= 0x30ff;
    }
    const char *code = NULL;
    size_t most = letters / 3; /* a foreign word among Latin ones does not change the language */
    for (int k = 0; k < SCRIPTS; k++) {
        size_t sum = 0;
        for (int i = 0; i < SCRIPTS; i++)
            if (!strcmp(scripts[i].code, scripts[k].code)) sum += counts[i];
        if (sum > most) {
            most = sum;
            code = scripts[k].code;
        }
    }
    if (!code) return detect_latin(s);
    if (!strcmp(code, "zh") && kana) code = "ja";
    return find(by_letters(code, s));
}

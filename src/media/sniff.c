/* What the first bytes of a file say it is. From bytes only: names and declared types are claims of strangers. Used by the drive
 * for the type it stores and serves, and by helper.c to check what a renderer wrote. Fuzzed. */
#include "media/media.h"

#include <ctype.h>

static bool at(struct str h, size_t offset, struct str magic) { return h.len >= offset && str_starts(str_skip(h, offset), magic); }

static struct sniffed found(const char *type, const char *ext, const char *kind) { return (struct sniffed){type, ext, kind}; }

static uint32_t be32(const char *p) {
    const unsigned char *u = (const unsigned char *)p;
    return (uint32_t)u[0] << 24 | (uint32_t)u[1] << 16 | (uint32_t)u[2] << 8 | u[3];
}

/* ISO base media: "ftyp" with its brand. Audio-only brands are m4a; QuickTime has its own. */
static struct sniffed sniff_boxes(struct str h) {
    if (h.len < 12 || !at(h, 4, STR("ftyp")) || be32(h.ptr) < 8) return (struct sniffed){0};
    struct str brand = str_n(h.ptr + 8, 4);
    static const char *const audio[] = {"M4A ", "M4B ", "M4P "};
    static const char *const video[] = {"isom", "iso2", "iso3", "iso4", "iso5", "iso6", "iso7", "iso8", "iso9", "mp41", "mp42", "mp71", "avc1",
                                        "M4V ", "M4VH", "M4VP", "dash", "mmp4", "f4v ", "F4V ", "MSNV", "3gp4", "3gp5", "3gp6", "msdh", "msix", "hvc1", "av01", "cmfc"};
    if (str_is(brand, "qt  ")) return found("video/quicktime", "mov", "video");
    for (size_t i = 0; i < sizeof audio / sizeof *audio; i++)
        if (str_is(brand, audio[i])) return found("audio/mp4", "m4a", "audio");
    for (size_t i = 0; i < sizeof video / sizeof *video; i++)
        if (str_is(brand, video[i])) return found("video/mp4", "mp4", "video");
    return (struct sniffed){0}; /* avif, heic and whatever comes: not listed */
}

/* EBML: the document type, within the first bytes, tells webm from mkv. */
static struct sniffed sniff_ebml(struct str h) {
    struct str head = str_head(h, 128);
    for (size_t i = 4; i + 3 < head.len; i++) {
        if (!at(head, i, STR("\x42\x82"))) continue;
        if (at(head, i + 3, STR("webm"))) return found("video/webm", "webm", "video");
        if (at(head, i + 3, STR("matroska"))) return found("video/x-matroska", "mkv", "video");
    }
    return (struct sniffed){0};
}

/* The length of an MPEG audio frame from its header, 0 when it is none. Layer III only. */
static size_t mp3_frame(const unsigned char *p) {
    static const int rates1[16] = {0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 0};
    static const int rates2[16] = {0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160, 0};
    static const int hertz[3] = {44100, 48000, 32000};
    if (p[0] != 0xff || (p[1] & 0xe6) != 0xe2) return 0;
    int version = p[1] >> 3 & 3, rate = p[2] >> 4, freq = p[2] >> 2 & 3;
    if (version == 1 || freq == 3) return 0;
    int kbps = version == 3 ? rates1[rate] : rates2[rate], hz = version == 3 ? hertz[freq] : version == 2 ? hertz[freq] / 2 : hertz[freq] / 4;
    return kbps ? (size_t)((version == 3 ? 144000 : 72000) * kbps / hz + (p[2] >> 1 & 1)) : 0;
}

/* An ID3 tag, or two frames that follow each other: two bytes of sync alone mean nothing. */
static struct sniffed sniff_mp3(struct str h) {
    if (h.len >= 10 && at(h, 0, STR("ID3")) && (unsigned char)h.ptr[3] < 5) return found("audio/mpeg", "mp3", "audio");
    size_t n = h.len >= 4 ? mp3_frame((const unsigned char *)h.ptr) : 0;
    if (n && h.len >= n + 4 && mp3_frame((const unsigned char *)h.ptr + n)) return found("audio/mpeg", "mp3", "audio");
    return (struct sniffed){0};
}

static struct sniffed sniff_binary(struct str h) {
    if (at(h, 0, STR("\x89PNG\r\n\x1a\n")) && (h.len < 16 || at(h, 12, STR("IHDR")))) return found("image/png", "png", "image");
    if (at(h, 0, STR("\xff\xd8\xff")) && h.len > 3 && (unsigned char)h.ptr[3] >= 0xc0) return found("image/jpeg", "jpg", "image");
    if (at(h, 0, STR("GIF87a")) || at(h, 0, STR("GIF89a"))) return found("image/gif", "gif", "image");
    if (at(h, 0, STR("RIFF")) && at(h, 8, STR("WEBPVP8"))) return found("image/webp", "webp", "image");
    if (at(h, 0, STR("RIFF")) && at(h, 8, STR("WAVE"))) return found("audio/wav", "wav", "audio");
    if (at(h, 0, STR("fLaC"))) return found("audio/flac", "flac", "audio");
    if (h.len > 4 && at(h, 0, STR("OggS")) && !h.ptr[4]) {
        bool pictures = at(h, 28, STR("\x80theora")) || at(h, 28, STR("\x01video"));
        return pictures ? found("video/ogg", "ogv", "video") : found("audio/ogg", "ogg", "audio");
    }
    if (at(h, 0, STR("\x1a\x45\xdf\xa3"))) return sniff_ebml(h);
    if (at(h, 0, STR("%PDF-"))) return found("application/pdf", "pdf", "document");
    struct sniffed s = sniff_boxes(h);
    return s.type ? s : sniff_mp3(h);
}

static bool blank(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f'; }

static struct str skip_blanks(struct str s) {
    while (s.len && blank(*s.ptr)) s = str_skip(s, 1);
    return s;
}

/* Does `s` begin with this tag, in any case, and the name ends there? */
static bool tag(struct str s, const char *name) {
    struct str n = str_of(name);
    if (s.len < n.len || !str_ieq(str_head(s, n.len), n)) return false;
    return s.len == n.len || blank(s.ptr[n.len]) || s.ptr[n.len] == '>' || s.ptr[n.len] == '/' || name[n.len - 1] == '-' || s.ptr[n.len] == '[';
}

/* Past comments, declarations and instructions, to the first element. */
static struct str first_element(struct str s) {
    for (s = skip_blanks(s); s.len; s = skip_blanks(s)) {
        const char *close = tag(s, "<!--") ? "-->" : str_starts(s, STR("<?")) ? "?>" : NULL;
        if (!close) return s;
        size_t i = 0;
        struct str mark = str_of(close);
        while (i < s.len && !str_starts(str_skip(s, i), mark)) i++;
        s = str_skip(s, i + mark.len);
    }
    return s;
}

/* What a browser could take for HTML is HTML, so that it is never served as something harmless. */
static struct sniffed sniff_markup(struct str s) {
    static const char *const html[] = {"<!doctype html", "<html", "<head", "<body", "<script", "<iframe", "<h1", "<div", "<font", "<table", "<a", "<style",
                                       "<title", "<b", "<br", "<p", "<img", "<meta", "<link", "<form", "<object", "<embed", "<span", "<video", "<audio", "<math", "<template", "<center", "<input"};
    struct str e = first_element(s);
    if (tag(e, "<svg") || tag(e, "<svg:svg") || tag(e, "<!doctype svg")) return found("image/svg+xml", "svg", "vector");
    for (size_t i = 0; i < sizeof html / sizeof *html; i++)
        if (tag(e, html[i])) return found("text/html", "html", "document");
    if (str_starts(skip_blanks(s), STR("<!--"))) return found("text/html", "html", "document");
    /* Anywhere near the top: an SVG behind a long preamble or an entity definition. */
    for (size_t i = 0; i < e.len; i++) {
        if (e.ptr[i] != '<') continue;
        if (tag(str_skip(e, i), "<svg")) return found("image/svg+xml", "svg", "vector");
        if (tag(str_skip(e, i), "<html") || tag(str_skip(e, i), "<script")) return found("text/html", "html", "document");
    }
    return (struct sniffed){0};
}

/* Begins as an object or array whose first token fits. */
static bool looks_json(struct str s) {
    if (!s.len || (*s.ptr != '{' && *s.ptr != '[')) return false;
    bool object = *s.ptr == '{';
    s = skip_blanks(str_skip(s, 1));
    if (!s.len) return false;
    if (object) return *s.ptr == '"' || *s.ptr == '}';
    return strchr("\"{[]-tfn", *s.ptr) || isdigit((unsigned char)*s.ptr);
}

/* UTF-8 without control bytes; a character cut by the end of the head is fine. */
static bool looks_text(struct str h) {
    size_t cut = h.len;
    for (int i = 0; i < 3 && cut && ((unsigned char)h.ptr[cut - 1] & 0xc0) == 0x80; i++) cut--;
    if (cut && (unsigned char)h.ptr[cut - 1] >= 0xc0 && !str_is_utf8(str_skip(h, cut - 1))) cut--;
    else cut = h.len;
    for (size_t i = 0; i < cut; i++) {
        unsigned char c = (unsigned char)h.ptr[i];
        if ((c < 32 && !blank((char)c) && c != 27) || c == 127) return false;
    }
    return str_is_utf8(str_head(h, cut));
}

struct sniffed media_sniff(struct str head) {
    if (!head.len) return (struct sniffed){0};
    struct sniffed s = sniff_binary(head);
    if (s.type) return s;
    struct str text = at(head, 0, STR("\xef\xbb\xbf")) ? str_skip(head, 3) : head;
    s = sniff_markup(text);
    if (s.type) return s;
    if (!looks_text(text)) return (struct sniffed){0};
    if (looks_json(skip_blanks(text))) return found("application/json", "json", "data");
    return found("text/plain", "txt", "text");
}

bool media_type_is_inline(struct str type) {
    static const char *const types[] = {"image/png", "image/jpeg", "image/webp", "image/gif", "audio/mpeg", "audio/wav", "audio/ogg", "audio/flac", "audio/mp4",
                                        "video/mp4", "video/webm", "video/quicktime", "video/ogg"};
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (str_is(type, types[i])) return true;
    return false;
}

bool media_may_be(struct str kind, struct str type, struct str wanted) {
    if (str_eq(kind, wanted) || str_is(kind, "file")) return true;
    if (str_is(wanted, "image")) return str_is(kind, "vector");
    if (str_is(wanted, "video")) return str_is(type, "image/gif") || str_is(type, "image/webp");
    if (str_is(wanted, "audio")) return str_is(kind, "video");
    return true; /* a transcript may come as any file */
}

/* Reading strangers' files through the helper: good ones of every type, and hostile ones by the dozen. argv[1] is the helper. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/limits.h"
#include "media/media.h"
#include "media/read_files_test.h"

#include <dirent.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static const char *program;

struct rig {
    struct helper *h;
    char dir[64], in[96], out[96];
};

static char *const AV[] = {"v.mp4", "v.mov", "v.webm", "v.mkv", "a.mp3", "a.wav", "a.flac", "a.ogg", "a.m4a", "turned.mp4", "front.mp4", "cover.mp3"};
enum { AV_COUNT = sizeof AV / sizeof *AV };

static void run(const char *dir, char *const argv[]) {
    extern char **environ;
    posix_spawn_file_actions_t files;
    pid_t pid;
    int status = 1;
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_addchdir_np(&files, dir);
    posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
    must(posix_spawnp(&pid, argv[0], &files, NULL, argv, environ) == 0 && waitpid(pid, &status, 0) == pid);
    posix_spawn_file_actions_destroy(&files);
    must(status == 0);
}

/* One second of test picture and tone in every container, by one run of ffmpeg; then two that are made from the first. */
static void make_av(const char *dir) {
    char *const first[] = {"ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc=d=1:s=320x180:r=25", "-f", "lavfi", "-i", "sine=d=1:r=44100", "-f", "lavfi", "-i",
        "color=red:s=64x64:d=1:r=1", "-threads", "1",
        "-map", "0", "-map", "1", "-c:v", "mpeg4", "-c:a", "aac", "v.mp4", "-map", "0", "-map", "1", "-c:v", "mjpeg", "-c:a", "pcm_s16le", "v.mov",
        "-map", "0", "-map", "1", "-c:v", "libvpx", "-deadline", "realtime", "-c:a", "libopus", "v.webm", "-map", "0", "-c:v", "mpeg4", "v.mkv",
        "-map", "1", "a.mp3", "-map", "1", "-ac", "2", "-ar", "22050", "a.wav", "-map", "1", "a.flac", "-map", "1", "-c:a", "libvorbis", "a.ogg", "-map", "1", "-c:a", "aac", "a.m4a",
        "-map", "1", "-map", "2", "-c:v", "mjpeg", "-disposition:v", "attached_pic", "-frames:v", "1", "cover.mp3", NULL};
    char *const turned[] = {"ffmpeg", "-v", "error", "-i", "v.mp4", "-c", "copy", "-metadata:s:v", "rotate=90", "turned.mp4", NULL};
    char *const front[] = {"ffmpeg", "-v", "error", "-i", "v.mp4", "-c", "copy", "-movflags", "+faststart", "front.mp4", NULL};
    run(dir, first);
    run(dir, turned);
    run(dir, front);
}

static int setup(void **state) {
    struct rig *r = calloc(1, sizeof *r);
    struct why why = {0};
    struct helper_options o = {.program = program, .at_once = 2};
    snprintf(r->dir, sizeof r->dir, "%s", "/tmp/puras-read-XXXXXX");
    if (!mkdtemp(r->dir)) return -1;
    snprintf(r->in, sizeof r->in, "%s/in", r->dir);
    snprintf(r->out, sizeof r->out, "%s/out", r->dir);
    if (helper_start(&o, &why, &r->h)) return fprintf(stderr, "%s\n", why_text(&why)), -1;
    make_av(r->dir);
    *state = r;
    return 0;
}

static int teardown(void **state) {
    struct rig *r = *state;
    char path[128];
    helper_stop(r->h);
    for (int i = 0; i < AV_COUNT; i++) {
        snprintf(path, sizeof path, "%s/%s", r->dir, AV[i]);
        unlink(path);
    }
    unlink(r->in);
    unlink(r->out);
    int left = rmdir(r->dir);
    free(r);
    return left;
}

static int64_t now_ms(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static struct read_answer read_fd(struct rig *r, int fd, enum read_want want) {
    struct read_answer a;
    struct stat st = {0};
    memset(&a, 0x55, sizeof a);
    struct read_job j = {.fd = fd, .want = want, .out_path = r->out};
    int64_t start = now_ms();
    helper_read(r->h, &j, &a);
    assert_true(now_ms() - start < LIMIT_MEDIA_READ_MS + 2000);
    /* What holds of every answer. */
    bool there = stat(r->out, &st) == 0;
    assert_int_equal(there, a.code == OK && want != READ_PROBE);
    assert_true(a.code == OK || strlen(a.detail) > 10);
    if (there) assert_int_equal(st.st_size, a.bytes);
    assert_int_equal(lseek(fd, 0, SEEK_CUR), 0);
    return a;
}

static struct read_answer read_bytes(struct rig *r, struct str bytes, enum read_want want) {
    unlink(r->out);
    int fd = open(r->in, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert_true(fd >= 0 && pwrite(fd, bytes.ptr ? bytes.ptr : "", bytes.len, 0) == (ssize_t)bytes.len);
    struct read_answer a = read_fd(r, fd, want);
    close(fd);
    return a;
}

static struct read_answer read_av(struct rig *r, const char *name, enum read_want want) {
    char path[128];
    snprintf(path, sizeof path, "%s/%s", r->dir, name);
    unlink(r->out);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    struct read_answer a = read_fd(r, fd, want);
    close(fd);
    if (a.code) fail_msg("%s: %s %s", name, err_name(a.code), a.detail);
    return a;
}

static struct buf load(const char *path) {
    struct buf b = {0};
    char piece[65536];
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    for (ssize_t n; (n = read(fd, piece, sizeof piece)) > 0;) buf_add(&b, piece, (size_t)n);
    close(fd);
    return b;
}

static struct pixels copy_of(struct rig *r, const struct read_answer *a) {
    struct buf b = load(r->out);
    struct pixels p = {0};
    assert_int_equal(image_pixels(a->out_type, buf_view(&b), 4096, NULL, &p), OK);
    assert_int_equal(p.w, a->out_width);
    assert_int_equal(p.h, a->out_height);
    buf_done(&b);
    return p;
}

/* Mostly red, or mostly blue, at this place (in tenths of the sides). */
static char hue(const struct pixels *p, int x, int y) {
    const unsigned char *q = p->rgba + ((size_t)(p->h * y / 10) * (size_t)p->w + (size_t)(p->w * x / 10)) * 4;
    return q[3] < 30 ? '-' : q[0] > 180 && q[1] < 60 && q[2] < 60 ? 'r' : q[2] > 180 && q[1] < 60 && q[0] < 60 ? 'b' : q[0] > 240 && q[1] > 240 && q[2] > 240 ? 'w' : '?';
}

enum { W = 900, H = 450 };
static const struct { const char *name; enum { PNG, PNG_CLEAR, PNG_INTERLACED, PNG_DEEP, JPEG, WEBP, WEBP_CLEAR, WEBP_MOVING, GIF, GIF_INTERLACED } kind; } PICTURES[] = {
    {"png", PNG}, {"png with alpha", PNG_CLEAR}, {"interlaced png", PNG_INTERLACED}, {"16-bit png", PNG_DEEP}, {"jpeg", JPEG}, {"webp", WEBP},
    {"webp with alpha", WEBP_CLEAR}, {"moving webp", WEBP_MOVING}, {"gif", GIF}, {"interlaced gif", GIF_INTERLACED}};
enum { PICTURE_COUNT = sizeof PICTURES / sizeof *PICTURES };

static struct buf picture(int i, int w, int h) {
    switch (PICTURES[i].kind) {
    case PNG: return sample_png(w, h, false, false, 8);
    case PNG_CLEAR: return sample_png(w, h, true, false, 8);
    case PNG_INTERLACED: return sample_png(w, h, false, true, 8);
    case PNG_DEEP: return sample_png(w, h, false, false, 16);
    case JPEG: return sample_jpeg(w, h);
    case WEBP: return sample_webp(w, h, false);
    case WEBP_CLEAR: return sample_webp(w, h, true);
    case WEBP_MOVING: return sample_webp_frames(w, h, 3);
    case GIF: return sample_gif(w, h, 4, false);
    case GIF_INTERLACED: return sample_gif(w, h, 1, true);
    }
    return (struct buf){0};
}

static void check_copy(struct rig *r, int i, struct str file, enum read_want want, int w, int h, const char *type) {
    struct read_answer a = read_bytes(r, file, want);
    if (a.code) fail_msg("%s, %d: %s %s", PICTURES[i].name, want, err_name(a.code), a.detail);
    assert_int_equal(a.width, W);
    assert_int_equal(a.out_width, w);
    assert_int_equal(a.out_height, h);
    assert_string_equal(a.out_type, type);
    struct pixels p = copy_of(r, &a);
    bool clear = PICTURES[i].kind == PNG_CLEAR || PICTURES[i].kind == WEBP_CLEAR;
    char right = clear ? want == READ_POSTER ? 'w' : '-' : 'b';
    for (int y = 1; y < 10; y += 4)
        if (hue(&p, 2, y) != 'r' || hue(&p, 8, y) != right) fail_msg("%s, %d: %c %c", PICTURES[i].name, want, hue(&p, 2, y), hue(&p, 8, y));
    pixels_done(&p);
}

static void test_pictures(void **state) {
    struct rig *r = *state;
    for (int i = 0; i < PICTURE_COUNT; i++) {
        struct buf file = picture(i, W, H);
        struct read_answer a = read_bytes(r, buf_view(&file), READ_PROBE);
        if (a.code) fail_msg("%s: %s %s", PICTURES[i].name, err_name(a.code), a.detail);
        assert_true(a.width == W && a.height == H && !a.bytes && !a.has_video && !a.has_audio);
        assert_int_equal(a.frames, PICTURES[i].kind == WEBP_MOVING ? 3 : PICTURES[i].kind == GIF ? 4 : 1);
        assert_int_equal(a.duration_ms, PICTURES[i].kind == WEBP_MOVING ? 120 : PICTURES[i].kind == GIF ? 200 : PICTURES[i].kind == GIF_INTERLACED ? 50 : 0);
        check_copy(r, i, buf_view(&file), READ_THUMBNAIL, 512, 256, "image/webp");
        check_copy(r, i, buf_view(&file), READ_OPTIMISED, W, H, "image/webp"); /* it does not grow */
        check_copy(r, i, buf_view(&file), READ_POSTER, W, H, "image/jpeg");
        buf_done(&file);
    }
}

/* The camera was held in eight ways; the copy stands upright and keeps nothing of what the camera noted. */
static void test_exif(void **state) {
    struct rig *r = *state;
    static const char *const corners[9] = {"", "rb", "br", "br", "rb", "rr", "rr", "bb", "bb"}; /* top left, top right */
    struct buf jpeg = sample_jpeg(W, H);
    for (int o = 1; o <= 8; o++) {
        struct buf file = with_exif(buf_view(&jpeg), o);
        struct read_answer a = read_bytes(r, buf_view(&file), READ_THUMBNAIL);
        assert_int_equal(a.code, OK);
        assert_int_equal(a.width, o >= 5 ? H : W);
        assert_int_equal(a.out_width, o >= 5 ? 256 : 512);
        struct pixels p = copy_of(r, &a);
        if (hue(&p, 2, 2) != corners[o][0] || hue(&p, 8, 2) != corners[o][1]) fail_msg("orientation %d: %c %c", o, hue(&p, 2, 2), hue(&p, 8, 2));
        pixels_done(&p);
        struct buf copy = load(r->out);
        assert_null(memmem(copy.ptr, copy.len, "secret", 6));
        assert_null(memmem(copy.ptr, copy.len, "Exif", 4));
        buf_done(&copy);
        buf_done(&file);
    }
    buf_done(&jpeg);
}

static void test_large(void **state) {
    struct rig *r = *state;
    struct buf jpeg = sample_jpeg(3300, 2200);
    struct read_answer a = read_bytes(r, buf_view(&jpeg), READ_OPTIMISED);
    assert_int_equal(a.code, OK);
    assert_true(a.out_width == 1600 && a.out_height == 1067);
    a = read_bytes(r, buf_view(&jpeg), READ_POSTER);
    assert_true(a.out_width == 1024 && a.out_height == 683);
    buf_done(&jpeg);
}

static void test_video(void **state) {
    struct rig *r = *state;
    static const struct { const char *file, *type, *video, *audio; } rows[] = {
        {"v.mp4", "video/mp4", "mpeg4", "aac"}, {"v.mov", "video/quicktime", "mjpeg", "pcm_s16le"}, {"v.webm", "video/webm", "vp8", "opus"},
        {"v.mkv", "video/x-matroska", "mpeg4", ""}, {"turned.mp4", "video/mp4", "mpeg4", "aac"}, {"front.mp4", "video/mp4", "mpeg4", "aac"}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        bool turned = !strcmp(rows[i].file, "turned.mp4"), silent = !*rows[i].audio;
        struct read_answer a = read_av(r, rows[i].file, READ_PROBE);
        assert_string_equal(a.type, rows[i].type);
        assert_string_equal(a.video_codec, rows[i].video);
        assert_string_equal(a.audio_codec, rows[i].audio);
        assert_true(a.has_video && a.has_audio == !silent);
        assert_int_equal(a.width, turned ? 180 : 320);
        assert_int_equal(a.height, turned ? 320 : 180);
        assert_in_range(a.duration_ms, 960, 1100);
        assert_int_equal(a.rate_milli, 25000);
        assert_in_range(a.frames, 24, 27);
        assert_int_equal(a.sample_rate, silent ? 0 : !strcmp(rows[i].audio, "opus") ? 48000 : 44100);
        assert_int_equal(a.channels, silent ? 0 : 1);
        if (i > 2 && !turned) continue; /* the frames are those of the first */
        a = read_av(r, rows[i].file, READ_POSTER);
        assert_string_equal(a.out_type, "image/jpeg");
        assert_int_equal(a.out_width, turned ? 180 : 320);
        assert_int_equal(a.out_height, turned ? 320 : 180);
        struct pixels p = copy_of(r, &a);
        pixels_done(&p);
    }
    struct read_answer a = read_av(r, "v.mp4", READ_THUMBNAIL);
    assert_string_equal(a.out_type, "image/webp");
    assert_int_equal(a.out_width, 320);
}

static void test_audio(void **state) {
    struct rig *r = *state;
    static const struct { const char *file, *type, *codec; int rate, channels; } rows[] = {
        {"a.mp3", "audio/mpeg", "mp3", 44100, 1}, {"a.wav", "audio/wav", "pcm_s16le", 22050, 2}, {"a.flac", "audio/flac", "flac", 44100, 1},
        {"a.ogg", "audio/ogg", "vorbis", 44100, 1}, {"a.m4a", "audio/mp4", "aac", 44100, 1}, {"cover.mp3", "audio/mpeg", "mp3", 44100, 1}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct read_answer a = read_av(r, rows[i].file, READ_PROBE);
        assert_string_equal(a.type, rows[i].type);
        assert_string_equal(a.audio_codec, rows[i].codec);
        assert_string_equal(a.video_codec, "");
        assert_true(a.has_audio && !a.has_video && !a.width && !a.frames);
        assert_in_range(a.duration_ms, 960, 1100);
        assert_int_equal(a.sample_rate, rows[i].rate);
        assert_int_equal(a.channels, rows[i].channels);
    }
    struct read_answer a = read_av(r, "cover.mp3", READ_POSTER);
    assert_true(a.out_width == 64 && a.out_height == 64);
    struct pixels p = copy_of(r, &a);
    assert_int_equal(hue(&p, 5, 5), 'r');
    pixels_done(&p);
    char path[128];
    snprintf(path, sizeof path, "%s/a.mp3", r->dir);
    struct buf silent = load(path);
    a = read_bytes(r, buf_view(&silent), READ_POSTER);
    assert_int_equal(a.code, E_INVALID);
    assert_non_null(strstr(a.detail, "no picture"));
    buf_done(&silent);
}

/* What is refused by its first bytes, whatever it is called. */
static void test_refused(void **state) {
    static const struct str files[] = {
        STR(""), STR("x"), STR("\0"), STR("hello"), STR("{\"a\":1}"), STR("%PDF-1.7\n1 0 obj\n"),
        STR("#EXTM3U\n#EXT-X-VERSION:3\n#EXTINF:1,\nfile:///etc/passwd\n"), STR("#EXTM3U\n#EXTINF:1,\nhttp://169.254.169.254/latest/\n"),
        STR("ffconcat version 1.0\nfile '/etc/passwd'\n"), STR("[playlist]\nFile1=file:///etc/passwd\n"), STR("v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\n"),
        STR("<svg xmlns=\"http://www.w3.org/2000/svg\"><image href=\"file:///etc/passwd\"/></svg>"),
        STR("<?xml version=\"1.0\"?><!DOCTYPE svg [<!ENTITY a \"aaaaaaaaaa\"><!ENTITY b \"&a;&a;&a;&a;&a;&a;&a;&a;\">]><svg>&b;</svg>"),
        STR("<html><script>alert(1)</script>"), STR("BM\x9a\0\0\0\0\0\0\0"), STR("II*\0\x08\0\0\0"), STR("\0\0\0\x18""ftypheic\0\0\0\0mif1heic"), STR("\x7f""ELF\2\1\1"),
        STR("PK\3\4\x14\0\0\0"), STR("gimp xcf file\0"), STR("%!PS-Adobe-3.0\n"), STR("push graphic-context\nviewbox 0 0 640 480\n")};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        for (int want = READ_PROBE; want <= READ_POSTER; want++) {
            struct read_answer a = read_bytes(*state, files[i], (enum read_want)want);
            if (a.code != E_MEDIA_TYPE) fail_msg("file %zu: %s %s", i, err_name(a.code), a.detail);
        }
}

/* A hostile file is taken or refused, never more: E_UPSTREAM would be a reader that died. */
static err attack(struct rig *r, const char *name, struct str file, enum read_want want) {
    struct read_answer a = read_bytes(r, file, want);
    if (a.code != OK && a.code != E_INVALID && a.code != E_MEDIA_TYPE) fail_msg("%s (%zu bytes, want %d): %s %s", name, file.len, want, err_name(a.code), a.detail);
    return a.code;
}

static void test_cut(void **state) {
    for (int i = 0; i < PICTURE_COUNT; i++) {
        struct buf file = picture(i, 64, 40);
        for (int part = 1; part <= 8; part++) {
            size_t n = part == 8 ? file.len - 20 : file.len * (size_t)part / 8;
            err e = attack(*state, PICTURES[i].name, str_head(buf_view(&file), n), part % 2 ? READ_THUMBNAIL : READ_POSTER);
            /* Of a moving GIF the first frame may be whole. */
            if (e == OK && PICTURES[i].kind != GIF) fail_msg("%s: %zu of %zu bytes were enough", PICTURES[i].name, n, file.len);
        }
        buf_done(&file);
    }
}

static void bad_png(struct rig *r) {
    struct buf b = {0};
    png_start(&b, 60000, 60000, 8, 6); /* says a lot */
    png_deflated(&b, "IDAT", STR(""), 100000);
    png_chunk(&b, "IEND", STR(""));
    assert_int_equal(attack(r, "png of 60000 squared", buf_view(&b), READ_THUMBNAIL), E_INVALID);
    assert_int_equal(attack(r, "png of 60000 squared", buf_view(&b), READ_PROBE), E_INVALID);
    buf_clear(&b);
    png_start(&b, 0x7fffffff, 0x7fffffff, 8, 6);
    assert_int_equal(attack(r, "png of 2^31 squared", buf_view(&b), READ_PROBE), E_INVALID);
    buf_clear(&b);
    png_start(&b, 16, 16, 8, 6); /* holds a lot: a picture, a profile and a text that unpack to 64 MB each */
    png_deflated(&b, "iCCP", STR("name\0\0"), 64 << 20);
    png_deflated(&b, "zTXt", STR("name\0\0"), 64 << 20);
    png_deflated(&b, "IDAT", STR(""), 64 << 20);
    png_chunk(&b, "IEND", STR(""));
    assert_int_equal(attack(r, "png bomb", buf_view(&b), READ_OPTIMISED), OK);
    buf_clear(&b);
    png_start(&b, 16, 16, 8, 3); /* a palette that is not there */
    png_deflated(&b, "IDAT", STR(""), 16 * 17);
    attack(r, "png without palette", buf_view(&b), READ_THUMBNAIL);
    buf_clear(&b);
    png_start(&b, 16, 16, 3, 7);
    png_deflated(&b, "IDAT", STR(""), 16 * 17);
    assert_int_equal(attack(r, "png of no depth", buf_view(&b), READ_THUMBNAIL), E_INVALID);
    buf_done(&b);
}

static void bad_jpeg(struct rig *r) {
    struct buf good = sample_jpeg(64, 40), b = {0};
    char *frame = memmem(good.ptr, good.len, "\xff\xc0", 2);
    assert_non_null(frame);
    memcpy(frame + 5, "\xff\xdc\xff\xdc", 4); /* 65500 by 65500 */
    assert_int_equal(attack(r, "jpeg of 65500 squared", buf_view(&good), READ_THUMBNAIL), E_INVALID);
    memcpy(frame + 5, "\x27\x10\x27\x10", 4); /* 10000 by 10000, within the limit, with data for a few rows */
    assert_int_equal(attack(r, "jpeg with few rows", buf_view(&good), READ_THUMBNAIL), E_INVALID);
    memcpy(frame + 5, "\0\0\0\x40", 4);
    assert_int_equal(attack(r, "jpeg of no height", buf_view(&good), READ_THUMBNAIL), E_INVALID);
    buf_add(&b, "\xff\xd8\xff\xe0", 4);
    for (int i = 0; i < 100000; i++) buf_add(&b, "\0\2\xff\xe0", 4); /* segments without end */
    assert_int_equal(attack(r, "jpeg of segments", buf_view(&b), READ_THUMBNAIL), E_INVALID);
    buf_done(&good), buf_done(&b);
}

static void bad_gif(struct rig *r) {
    static const struct { const char *name; struct str file; } rows[] = {
        {"gif with a code that is not there", STR("GIF89a\x10\0\x10\0\x80\0\0\0\0\0\xff\xff\xff\x2c\0\0\0\0\x10\0\x10\0\0\x02\x04\xff\xff\xff\xff\0;")},
        {"gif with code size 255", STR("GIF89a\x10\0\x10\0\x80\0\0\0\0\0\xff\xff\xff\x2c\0\0\0\0\x10\0\x10\0\0\xff\x04\x44\x55\x66\x77\0;")},
        {"gif of 65535 squared", STR("GIF89a\xff\xff\xff\xff\x80\0\0\0\0\0\xff\xff\xff\x2c\0\0\0\0\x01\0\x01\0\0\x02\x02\x44\x01\0;")},
        {"gif frame far outside", STR("GIF89a\x01\0\x01\0\x80\0\0\0\0\0\xff\xff\xff\x2c\xff\xff\xff\xff\xff\xff\xff\xff\0\x02\x02\x44\x01\0;")},
        {"gif without colours", STR("GIF89a\x01\0\x01\0\0\0\0\x2c\0\0\0\0\x01\0\x01\0\0\x02\x02\x44\x01\0;")},
        {"gif without a frame", STR("GIF89a\x01\0\x01\0\x80\0\0\0\0\0\xff\xff\xff;")}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) assert_int_equal(attack(r, rows[i].name, rows[i].file, READ_THUMBNAIL), E_INVALID);
    struct buf b = {0};
    buf_add(&b, "GIF89a\1\0\1\0\x80\0\0\0\0\0\xff\xff\xff", 19);
    for (int i = 0; i < LIMIT_READ_FRAMES + 1; i++) buf_add(&b, "\x2c\0\0\0\0\1\0\1\0\0\2\2\x44\1\0", 15);
    assert_int_equal(attack(r, "gif of many frames", buf_view(&b), READ_PROBE), E_INVALID);
    buf_done(&b);
}

static void bad_webp(struct rig *r) {
    struct buf good = sample_webp(64, 40, false), b = {0};
    memcpy(good.ptr + 4, "\xff\xff\xff\xff", 4);
    assert_int_equal(attack(r, "webp that says 4 GB", buf_view(&good), READ_THUMBNAIL), E_INVALID);
    memcpy(good.ptr + 4, "\4\0\0\0", 4);
    assert_int_equal(attack(r, "webp that says 4 bytes", buf_view(&good), READ_THUMBNAIL), E_INVALID);
    buf_done(&good);
    good = sample_webp(64, 40, false);
    memcpy(good.ptr + 26, "\xff\x3f\xff\x3f", 4); /* 16383 squared in the frame */
    assert_int_equal(attack(r, "webp of 16383 squared", buf_view(&good), READ_THUMBNAIL), E_INVALID);
    memcpy(good.ptr + 16, "\xf0\xff\xff\xff", 4);
    assert_int_equal(attack(r, "webp with a lying chunk", buf_view(&good), READ_THUMBNAIL), E_INVALID);
    buf_add(&b, "RIFF\x16\0\0\0WEBPVP8X\x0a\0\0\0\2\0\0\0\xff\xff\xff\xff\xff\xff", 30); /* a canvas of 2^24 squared, no frame */
    assert_int_equal(attack(r, "webp of a canvas", buf_view(&b), READ_THUMBNAIL), E_INVALID);
    buf_done(&good), buf_done(&b);
}

static void test_hostile_pictures(void **state) {
    bad_png(*state);
    bad_jpeg(*state);
    bad_gif(*state);
    bad_webp(*state);
}

#define FTYP "\0\0\0\x14""ftypisom\0\0\2\0isom"
/* A movie header and so many tracks of nothing. */
static struct buf mp4_of_tracks(int tracks) {
    struct buf b = {0}, moov = {0}, mvhd = {0};
    buf_add(&b, FTYP, 20);
    for (int i = 0; i < 25; i++) put_be32(&mvhd, i == 3 ? 1000 : i == 4 ? 1000 : 0);
    put_box(&moov, "mvhd", &mvhd);
    for (int i = 0; i < tracks; i++) {
        struct buf trak = {0}, tkhd = {0}, mdia = {0}, hdlr = {0};
        for (int k = 0; k < 21; k++) put_be32(&tkhd, k == 3 ? (uint32_t)i + 1 : 0);
        put_box(&trak, "tkhd", &tkhd);
        buf_add(&hdlr, "\0\0\0\0\0\0\0\0vide\0\0\0\0\0\0\0\0\0\0\0\0\0", 25);
        put_box(&mdia, "hdlr", &hdlr);
        put_box(&trak, "mdia", &mdia);
        put_box(&moov, "trak", &trak);
    }
    put_box(&b, "moov", &moov);
    return b;
}

static void test_hostile_av(void **state) {
    static const struct { const char *name; struct str file; } rows[] = {
        {"mp4 with nothing", STR(FTYP)}, {"mp4 with an atom of 4 GB", STR(FTYP "\xff\xff\xff\xffmoovxxxxxxxx")},
        {"mp4 with an atom of 2^63", STR(FTYP "\0\0\0\1moov\x7f\xff\xff\xff\xff\xff\xff\xffxxxxxxxx")}, {"mp4 with an atom of 1 byte", STR(FTYP "\0\0\0\1moov\0\0\0\0\0\0\0\1")},
        {"mp4 that refers outside", STR(FTYP "\0\0\0\x40moov\0\0\0\x38rmra\0\0\0\x30rmda\0\0\0\x28rdrf\0\0\0\0url \0\0\0\x14""file:///etc/passwd\0")},
        {"mp3 whose tag is 256 MB", STR("ID3\4\0\0\x7f\x7f\x7f\x7f" "APIC\x7f\x7f\x7f\x7f\0\0\0image/png\0\3\0")}, {"mp3 of a tag", STR("ID3\3\0\0\0\0\0\0")},
        {"wav of 4 GB", STR("RIFF\xff\xff\xff\xffWAVEfmt \x10\0\0\0\1\0\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x10\0data\xff\xff\xff\xff")},
        {"wav of 65535 channels", STR("RIFF\x2c\0\0\0WAVEfmt \x10\0\0\0\1\0\xff\xff\x44\xac\0\0\0\0\0\0\0\0\x10\0data\4\0\0\0abcd")},
        {"flac of nothing", STR("fLaC\x80\0\0\x22\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0")}, {"ogg of nothing", STR("OggS\0\2\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1\xff")},
        {"webm of unknown size", STR("\x1a\x45\xdf\xa3\x87\x42\x82\x84webm\x18\x53\x80\x67\x01\xff\xff\xff\xff\xff\xff\xff\x16\x54\xae\x6b\x01\xff\xff\xff\xff\xff\xff\xff")}};
    struct rig *r = *state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) attack(r, rows[i].name, rows[i].file, i % 2 ? READ_POSTER : READ_PROBE);
    struct buf b = mp4_of_tracks(2000);
    assert_int_equal(attack(r, "mp4 of 2000 tracks", buf_view(&b), READ_PROBE), E_INVALID);
    buf_clear(&b);
    struct buf nest = {0};
    for (int i = 0; i < 5000; i++) {
        struct buf outer = {0};
        put_box(&outer, "moov", &nest);
        nest = outer;
    }
    buf_add(&b, FTYP, 20);
    buf_str(&b, buf_view(&nest));
    assert_int_equal(attack(r, "mp4 nested 5000 deep", buf_view(&b), READ_PROBE), E_INVALID);
    buf_done(&nest);
    buf_clear(&b);
    buf_add(&b, "ID3\3\0\0\0\x7f\x7f\x7f", 10); /* 2 MB of empty frames and nothing behind them */
    for (int i = 0; i < 100000; i++) buf_add(&b, "TXXX\0\0\0\1\0\0\0", 11);
    assert_int_equal(attack(r, "mp3 of tags", buf_view(&b), READ_PROBE), E_INVALID);
    buf_done(&b);
}

struct dice { uint32_t s; };
static uint32_t roll(struct dice *d, uint32_t below) {
    d->s ^= d->s << 13, d->s ^= d->s >> 17, d->s ^= d->s << 5;
    return d->s % below;
}

/* Some bytes other, some missing, some twice. */
static struct buf mutate(struct str good, struct dice *d) {
    struct buf b = {0};
    buf_str(&b, good);
    for (uint32_t i = 0, n = 1 + roll(d, 6); i < n && b.len > 16; i++) {
        size_t at = roll(d, (uint32_t)b.len), run = 1 + roll(d, 16);
        if (run > b.len - at) run = b.len - at;
        switch (roll(d, 5)) {
        case 0: b.ptr[at] ^= (char)(1 << roll(d, 8)); break;
        case 1: memset(b.ptr + at, roll(d, 2) ? 0xff : 0, run); break;
        case 2: b.ptr[at] = (char)roll(d, 256); break;
        case 3:
            memmove(b.ptr + at, b.ptr + at + run, b.len - at - run);
            b.len -= run;
            break;
        default: {
            struct buf twice = {0};
            buf_str(&twice, str_head(buf_view(&b), at + run));
            buf_str(&twice, str_skip(buf_view(&b), at));
            buf_done(&b);
            b = twice;
        }
        }
    }
    return b;
}

static void test_mutations(void **state) {
    struct rig *r = *state;
    struct dice d = {0x9e3779b9};
    int taken = 0, refused = 0;
    for (int i = 0; i < PICTURE_COUNT; i++) {
        struct buf good = picture(i, 64, 40);
        for (int k = 0; k < 27; k++) {
            struct buf bad = mutate(buf_view(&good), &d);
            err e = attack(r, PICTURES[i].name, buf_view(&bad), (enum read_want)(k % 4));
            e ? refused++ : taken++;
            buf_done(&bad);
        }
        buf_done(&good);
    }
    for (int i = 0; i < 20; i++) {
        char path[128];
        snprintf(path, sizeof path, "%s/%s", r->dir, AV[i % AV_COUNT]);
        struct buf good = load(path), bad = mutate(buf_view(&good), &d);
        attack(r, AV[i % AV_COUNT], buf_view(&bad), i % 3 ? READ_PROBE : READ_POSTER);
        buf_done(&good), buf_done(&bad);
    }
    assert_true(taken > 20 && refused > 20); /* otherwise they were too kind or too cruel to say anything */
}

static int open_descriptors(void) {
    int n = 0;
    DIR *d = opendir("/proc/self/fd");
    while (readdir(d)) n++;
    closedir(d);
    return n;
}

static void test_deadline_and_leaks(void **state) {
    struct rig *r = *state;
    int before = open_descriptors();
    struct buf jpeg = sample_jpeg(4000, 4000);
    unlink(r->out);
    int fd = open(r->in, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600), pipes[2];
    assert_true(write(fd, jpeg.ptr, jpeg.len) == (ssize_t)jpeg.len);
    struct read_answer a;
    struct read_job j = {.fd = fd, .want = READ_OPTIMISED, .out_path = r->out, .timeout = 5};
    helper_read(r->h, &j, &a);
    assert_int_equal(a.code, E_DEADLINE);
    assert_int_equal(access(r->out, F_OK), -1);
    j = (struct read_job){.fd = -1, .want = READ_PROBE};
    helper_read(r->h, &j, &a);
    assert_int_equal(a.code, E_UPSTREAM);
    assert_int_equal(pipe(pipes), 0);
    j = (struct read_job){.fd = pipes[0], .want = READ_PROBE};
    helper_read(r->h, &j, &a);
    assert_int_equal(a.code, E_UPSTREAM);
    j = (struct read_job){.fd = fd, .want = READ_POSTER, .out_path = "/proc/no/such"};
    helper_read(r->h, &j, &a);
    assert_int_equal(a.code, E_UPSTREAM);
    close(pipes[0]), close(pipes[1]), close(fd);
    buf_done(&jpeg);
    assert_int_equal(open_descriptors(), before);
}

/* What the helper says of its walls agrees with what is seen from outside. */
static void test_walls(void **state) {
    struct rig *r = *state;
    struct helper_walls w;
    memset(&w, 0x55, sizeof w);
    helper_walls(r->h, &w);
    assert_true(w.seccomp && w.limits); /* or nothing here would have worked */
    assert_int_equal(w.level, w.namespaces && w.own_root ? WALLS_FULL : w.landlock && w.own_user ? WALLS_REDUCED : WALLS_NONE);
    assert_int_equal(w.level == WALLS_FULL, !*w.detail);
    char path[64], ours[64], theirs[64];
    snprintf(path, sizeof path, "/proc/%d/ns/net", helper_pid(r->h));
    ssize_t n = readlink("/proc/self/ns/net", ours, sizeof ours), m = readlink(path, theirs, sizeof theirs);
    if (n > 0 && m > 0) assert_int_equal(w.namespaces, n != m || memcmp(ours, theirs, (size_t)n) != 0);
    /* A helper that is not there has no walls. */
    helper_stop(r->h);
    struct why why = {0};
    struct helper_options o = {.program = "/bin/true"};
    assert_int_equal(helper_start(&o, &why, &r->h), OK);
    helper_walls(r->h, &w);
    assert_int_equal(w.level, WALLS_NONE);
    assert_true(!w.seccomp && strlen(w.detail) > 20);
}

int main(int argc, char **argv) {
    if (argc < 2) return fputs("usage: read_test PURAS-MEDIA\n", stderr), 2;
    program = argv[1];
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pictures), cmocka_unit_test(test_exif), cmocka_unit_test(test_large), cmocka_unit_test(test_video), cmocka_unit_test(test_audio),
        cmocka_unit_test(test_refused), cmocka_unit_test(test_cut), cmocka_unit_test(test_hostile_pictures), cmocka_unit_test(test_hostile_av),
        cmocka_unit_test(test_mutations), cmocka_unit_test(test_deadline_and_leaks), cmocka_unit_test(test_walls)};
    return cmocka_run_group_tests(tests, setup, teardown);
}

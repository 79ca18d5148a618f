#include "include/CVips.h"
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef mercer_vips_image image;

// libvips and GLib, as far as they are used.
static struct {
    int (*init)(const char *);
    char *(*error_buffer_copy)(void);
    void (*concurrency_set)(int);
    void (*cache_set_max)(int);
    void (*block_untrusted_set)(int);
    image *(*new_from_file)(const char *, ...);
    image *(*new_from_buffer)(const void *, size_t, const char *, ...);
    image *(*new_from_memory)(const void *, size_t, int, int, int, int);
    void *(*write_to_memory)(image *, size_t *);
    int (*write_to_buffer)(image *, const char *, void **, size_t *, ...);
    const char *(*find_save_buffer)(const char *);
    int (*get_width)(const image *);
    int (*get_height)(const image *);
    int (*get_bands)(const image *);
    int (*get_format)(const image *);
    int (*guess_interpretation)(const image *);
    int (*has_alpha)(image *);
    int (*get_orientation)(image *);
    size_t (*get_typeof)(const image *, const char *);
    int (*get)(const image *, const char *, void *);
    void (*set)(image *, const char *, void *);
    char **(*get_fields)(image *);
    int (*autorot)(image *, image **, ...);
    int (*colourspace)(image *, image **, int, ...);
    int (*icc_transform)(image *, image **, const char *, ...);
    int (*cast)(image *, image **, int, ...);
    int (*flatten)(image *, image **, ...);
    int (*black)(image **, int, int, ...);
    int (*copy)(image *, image **, ...);
    void *(*array_double_new)(const double *, int);
    void (*area_unref)(void *);
    void (*object_unref)(void *);
    void (*value_unset)(void *);
    void (*free)(void *);
    void (*strfreev)(char **);
} vips;

static pthread_once_t once = PTHREAD_ONCE_INIT;
static char start_error[512];

static void *open_library(void) {
    static const char *const names[] = {"libvips.so.42", "libvips.so", "libvips.42.dylib"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        void *library = dlopen(names[i], RTLD_NOW | RTLD_LOCAL);
        if (library) return library;
    }
    return NULL;
}

static void start(void) {
    void *library = open_library();
    if (!library) {
        const char *reason = dlerror();
        snprintf(start_error, sizeof start_error, "%s", reason ? reason : "libvips.so.42 was not found");
        return;
    }
    struct { void *place; const char *name; } symbols[] = {
        {&vips.init, "vips_init"},
        {&vips.error_buffer_copy, "vips_error_buffer_copy"},
        {&vips.concurrency_set, "vips_concurrency_set"},
        {&vips.cache_set_max, "vips_cache_set_max"},
        {&vips.new_from_file, "vips_image_new_from_file"},
        {&vips.new_from_buffer, "vips_image_new_from_buffer"},
        {&vips.new_from_memory, "vips_image_new_from_memory"},
        {&vips.write_to_memory, "vips_image_write_to_memory"},
        {&vips.write_to_buffer, "vips_image_write_to_buffer"},
        {&vips.find_save_buffer, "vips_foreign_find_save_buffer"},
        {&vips.get_width, "vips_image_get_width"},
        {&vips.get_height, "vips_image_get_height"},
        {&vips.get_bands, "vips_image_get_bands"},
        {&vips.get_format, "vips_image_get_format"},
        {&vips.guess_interpretation, "vips_image_guess_interpretation"},
        {&vips.has_alpha, "vips_image_hasalpha"},
        {&vips.get_orientation, "vips_image_get_orientation"},
        {&vips.get_typeof, "vips_image_get_typeof"},
        {&vips.get, "vips_image_get"},
        {&vips.set, "vips_image_set"},
        {&vips.get_fields, "vips_image_get_fields"},
        {&vips.autorot, "vips_autorot"},
        {&vips.colourspace, "vips_colourspace"},
        {&vips.icc_transform, "vips_icc_transform"},
        {&vips.cast, "vips_cast"},
        {&vips.flatten, "vips_flatten"},
        {&vips.black, "vips_black"},
        {&vips.copy, "vips_copy"},
        {&vips.array_double_new, "vips_array_double_new"},
        {&vips.area_unref, "vips_area_unref"},
        {&vips.object_unref, "g_object_unref"},
        {&vips.value_unset, "g_value_unset"},
        {&vips.free, "g_free"},
        {&vips.strfreev, "g_strfreev"},
    };
    for (size_t i = 0; i < sizeof symbols / sizeof *symbols; i++) {
        void *address = dlsym(library, symbols[i].name);
        if (!address) {
            snprintf(start_error, sizeof start_error, "this libvips has no %s: version 8.10 or newer is needed",
                     symbols[i].name);
            return;
        }
        memcpy(symbols[i].place, &address, sizeof address);
    }
    // Damaged files are reported by Mercer, with their names.
    setenv("VIPS_WARNING", "1", 0);
    if (vips.init("mercer") != 0) {
        snprintf(start_error, sizeof start_error, "libvips doesn't start");
        return;
    }
    // Mercer itself is parallel over files, and each picture is read once.
    vips.concurrency_set(1);
    vips.cache_set_max(0);
    void *block = dlsym(library, "vips_block_untrusted_set");
    if (block) {
        memcpy(&vips.block_untrusted_set, &block, sizeof block);
        vips.block_untrusted_set(1);
    }
}

int mercer_vips_start(void) {
    pthread_once(&once, start);
    return start_error[0] ? -1 : 0;
}

const char *mercer_vips_start_error(void) { return start_error[0] ? start_error : NULL; }

char *mercer_vips_take_error(void) {
    char *text = vips.error_buffer_copy();
    char *copy = strdup(text ? text : "");
    vips.free(text);
    return copy;
}

int mercer_vips_can_write(const char *suffix) {
    const int can = vips.find_save_buffer(suffix) != NULL;
    if (!can) free(mercer_vips_take_error());
    return can;
}

// VIPS_ACCESS_RANDOM 0, SEQUENTIAL 1; VIPS_FAIL_ON_TRUNCATED 1.
image *mercer_vips_open_file(const char *path, int sequential) {
    return vips.new_from_file(path, "access", sequential, "fail_on", 1, NULL);
}

image *mercer_vips_open_bytes(const void *bytes, size_t count, int sequential) {
    return vips.new_from_buffer(bytes, count, "", "access", sequential, "fail_on", 1, NULL);
}

struct mercer_vips_header mercer_vips_read_header(image *i) {
    return (struct mercer_vips_header){
        .width = vips.get_width(i),
        .height = vips.get_height(i),
        .bands = vips.get_bands(i),
        .format = vips.get_format(i),
        .interpretation = vips.guess_interpretation(i),
        .has_alpha = vips.has_alpha(i),
        .orientation = vips.get_orientation(i),
        .has_profile = vips.get_typeof(i, "icc-profile-data") != 0,
        .is_palette = vips.get_typeof(i, "palette-bit-depth") != 0,
    };
}

static image *replaced(image *old, int status, image *new) {
    vips.object_unref(old);
    return status == 0 ? new : NULL;
}

image *mercer_vips_upright(image *i) {
    image *out = NULL;
    const int status = vips.autorot(i, &out, NULL);
    return replaced(i, status, out);
}

image *mercer_vips_to_space(image *i, int interpretation) {
    image *out = NULL;
    const int status = vips.colourspace(i, &out, interpretation, NULL);
    return replaced(i, status, out);
}

image *mercer_vips_to_srgb_profile(image *i, const char *fallback) {
    image *out = NULL;
    const int status = fallback
        ? vips.icc_transform(i, &out, "srgb", "embedded", 1, "input_profile", fallback, NULL)
        : vips.icc_transform(i, &out, "srgb", "embedded", 1, NULL);
    return replaced(i, status, out);
}

image *mercer_vips_cast(image *i, int format) {
    image *out = NULL;
    const int status = vips.cast(i, &out, format, "shift", 1, NULL);
    return replaced(i, status, out);
}

image *mercer_vips_flatten(image *i, double background) {
    image *out = NULL;
    void *colour = vips.array_double_new(&background, 1);
    const int status = vips.flatten(i, &out, "background", colour, NULL);
    vips.area_unref(colour);
    return replaced(i, status, out);
}

void *mercer_vips_pixels(image *i, size_t *count) { return vips.write_to_memory(i, count); }

void mercer_vips_free(void *memory) { vips.free(memory); }

// Fields that describe the pixels of the original and not its content, or that no longer hold.
static int stays(const char *name) {
    static const char *const gone[] = {
        "orientation", "exif-ifd0-Orientation", "jpeg-thumbnail-data", "n-pages", "page-height", "delay", "loop",
        "gif-delay", "gif-loop", "gif-palette", "palette-bit-depth", "bits-per-sample", "vips-loader",
        "vips-sequential", "interlaced", "jpeg-multiscan", "jpeg-chroma-subsample", "filename", "width", "height",
        "bands", "format", "coding", "interpretation", "xoffset", "yoffset", "heif-primary", "heif-bitdepth",
        "heif-compression", "n-subifds", "subifd",
    };
    for (size_t k = 0; k < sizeof gone / sizeof *gone; k++)
        if (strcmp(name, gone[k]) == 0) return 0;
    return 1;
}

static void copy_fields(image *from, image *to, int drop_profile) {
    char **fields = vips.get_fields(from);
    for (char **name = fields; name && *name; name++) {
        if (!stays(*name) || (drop_profile && strcmp(*name, "icc-profile-data") == 0)) continue;
        // A GValue: a type and two 8-byte fields.
        _Alignas(16) char value[24] = {0};
        if (vips.get(from, *name, value) == 0) {
            vips.set(to, *name, value);
            vips.value_unset(value);
        }
    }
    vips.strfreev(fields);
}

image *mercer_vips_metadata(image *i, int drop_profile) {
    image *pixel = NULL, *out = NULL;
    if (vips.black(&pixel, 1, 1, NULL) != 0) return NULL;
    const int status = vips.copy(pixel, &out, NULL);
    vips.object_unref(pixel);
    if (status != 0) return NULL;
    copy_fields(i, out, drop_profile);
    return out;
}

image *mercer_vips_wrap(const void *pixels, size_t count, int width, int height, int bands, int format,
                        int interpretation, image *metadata) {
    image *plain = vips.new_from_memory(pixels, count, width, height, bands, format);
    if (!plain) return NULL;
    image *out = NULL;
    const int status = vips.copy(plain, &out, "interpretation", interpretation, NULL);
    vips.object_unref(plain);
    if (status != 0) return NULL;
    if (metadata) copy_fields(metadata, out, 0);
    return out;
}

void *mercer_vips_encode(image *i, const char *suffix, struct mercer_vips_encoding e, size_t *count) {
    void *bytes = NULL;
    int status;
    const int strip = e.strip > 0;
    if (strcmp(suffix, ".png") == 0)
        status = vips.write_to_buffer(i, suffix, &bytes, count, "strip", strip, NULL);
    else if (strcmp(suffix, ".tif") == 0)
        status = vips.write_to_buffer(i, suffix, &bytes, count, "compression", 2, "predictor", 2, "strip", strip, NULL);
    else if (strcmp(suffix, ".gif") == 0)
        status = vips.write_to_buffer(i, suffix, &bytes, count, "strip", strip, NULL);
    else if (strcmp(suffix, ".jpg") == 0)
        status = vips.write_to_buffer(i, suffix, &bytes, count, "Q", e.quality, "optimize_coding", 1, "strip", strip,
                                      NULL);
    else if (strcmp(suffix, ".avif") == 0)
        // VIPS_FOREIGN_HEIF_COMPRESSION_AV1
        status = vips.write_to_buffer(i, suffix, &bytes, count, "Q", e.quality, "compression", 4, "lossless",
                                      e.lossless > 0, "strip", strip, NULL);
    else
        status = vips.write_to_buffer(i, suffix, &bytes, count, "Q", e.quality, "lossless", e.lossless > 0, "strip",
                                      strip, NULL);
    return status == 0 ? bytes : NULL;
}

void mercer_vips_release(image *i) { vips.object_unref(i); }

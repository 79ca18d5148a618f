// The part of libvips that Mercer uses, loaded at its first use: libvips brings a hundred libraries with it, which
// would cost every program a tenth of a second at its start. No header of libvips is needed to build.
//
// Functions that can fail return NULL or -1 and leave the reason in mercer_vips_take_error().
#ifndef MERCER_CVIPS_H
#define MERCER_CVIPS_H

#include <stddef.h>

typedef struct mercer_vips_image mercer_vips_image;

/// Sample formats and colour spaces, by libvips' numbers.
enum { mercer_vips_uchar = 0, mercer_vips_ushort = 2, mercer_vips_float = 6, mercer_vips_double = 8 };
enum {
    mercer_vips_multiband = 0,
    mercer_vips_bw = 1,
    mercer_vips_cmyk = 15,
    mercer_vips_rgb = 17,
    mercer_vips_srgb = 22,
    mercer_vips_rgb16 = 25,
    mercer_vips_grey16 = 26,
    mercer_vips_scrgb = 28
};

/// What a picture's header says.
struct mercer_vips_header {
    int width, height, bands, format, interpretation;
    int has_alpha, orientation, has_profile, is_palette;
};

/// Loads and starts libvips, once. 0 where that worked.
int mercer_vips_start(void);

/// Why libvips couldn't be loaded; NULL where it could.
const char *mercer_vips_start_error(void);

/// The text of the last errors, which the caller frees with free(); never NULL.
char *mercer_vips_take_error(void);

/// Whether the installed libvips can write pictures of a suffix (".png").
int mercer_vips_can_write(const char *suffix);

/// A picture whose pixels are read when they are asked for: from top to bottom where `sequential`.
mercer_vips_image *mercer_vips_open_file(const char *path, int sequential);
/// The same from bytes, which must stay where they are while the picture lives.
mercer_vips_image *mercer_vips_open_bytes(const void *bytes, size_t count, int sequential);

struct mercer_vips_header mercer_vips_read_header(mercer_vips_image *image);

// Each consumes its argument, also when it fails.
mercer_vips_image *mercer_vips_upright(mercer_vips_image *image);
mercer_vips_image *mercer_vips_to_space(mercer_vips_image *image, int interpretation);
mercer_vips_image *mercer_vips_to_srgb_profile(mercer_vips_image *image, const char *fallback_profile);
mercer_vips_image *mercer_vips_cast(mercer_vips_image *image, int format);
mercer_vips_image *mercer_vips_flatten(mercer_vips_image *image, double background);

/// The pixels, row by row, channels interleaved, to be freed with mercer_vips_free().
void *mercer_vips_pixels(mercer_vips_image *image, size_t *count);
void mercer_vips_free(void *memory);

/// The metadata of a picture alone, without its pixels.
mercer_vips_image *mercer_vips_metadata(mercer_vips_image *image, int drop_profile);

/// A picture over pixels that the caller keeps while it lives, with the metadata of another one, or none for NULL.
mercer_vips_image *mercer_vips_wrap(const void *pixels, size_t count, int width, int height, int bands, int format,
                                    int interpretation, mercer_vips_image *metadata);

/// How a picture is written. Numbers below 0 stand for the format's own choice.
struct mercer_vips_encoding {
    int quality, lossless, strip;
};

/// The bytes of a picture file, to be freed with mercer_vips_free().
void *mercer_vips_encode(mercer_vips_image *image, const char *suffix, struct mercer_vips_encoding encoding,
                         size_t *count);

void mercer_vips_release(mercer_vips_image *image);

#endif

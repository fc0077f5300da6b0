// libvips takes its options as C varargs, which Swift cannot call. Each function here is one such
// call with its options spelled out. All return 0 and set `*out` on success; on failure the text is
// in vips_error_buffer(). The caller owns every image and buffer that comes back.
#ifndef CVips_SHIM_H
#define CVips_SHIM_H
#include <vips/vips.h>

/// Opens an encoded picture. The header is read now, the pixels when they are asked for.
/// The bytes must outlive the image. Truncated or damaged files fail instead of turning grey.
static inline int cvips_load(const void *data, size_t length, VipsImage **out) {
  *out = vips_image_new_from_buffer(data, length, "", "access", VIPS_ACCESS_RANDOM, "fail_on",
                                    VIPS_FAIL_ON_ERROR, NULL);
  return *out ? 0 : -1;
}

static inline int cvips_autorotate(VipsImage *in, VipsImage **out) { return vips_autorot(in, out, NULL); }

/// Converts from the embedded profile to sRGB with 8 or 16 bits a channel.
static inline int cvips_profile_to_srgb(VipsImage *in, VipsImage **out, int depth) {
  return vips_icc_transform(in, out, "srgb", "embedded", TRUE, "depth", depth, "intent",
                            VIPS_INTENT_RELATIVE, NULL);
}

static inline int cvips_colourspace(VipsImage *in, VipsImage **out, VipsInterpretation space) {
  return vips_colourspace(in, out, space, NULL);
}

/// Keeps `count` channels from `first` on.
static inline int cvips_channels(VipsImage *in, VipsImage **out, int first, int count) {
  return vips_extract_band(in, out, first, "n", count, NULL);
}

/// Relabels the pixels' meaning without touching them.
static inline int cvips_relabelled(VipsImage *in, VipsImage **out, VipsInterpretation space) {
  return vips_copy(in, out, "interpretation", space, NULL);
}

static inline int cvips_premultiply(VipsImage *in, VipsImage **out, double largest) {
  return vips_premultiply(in, out, "max_alpha", largest, NULL);
}

static inline int cvips_unpremultiply(VipsImage *in, VipsImage **out, double largest) {
  return vips_unpremultiply(in, out, "max_alpha", largest, NULL);
}

/// Rounds to the nearest whole value; a plain cast would truncate.
static inline int cvips_rounded(VipsImage *in, VipsImage **out) { return vips_rint(in, out, NULL); }

static inline int cvips_cast(VipsImage *in, VipsImage **out, VipsBandFormat format) {
  return vips_cast(in, out, format, NULL);
}

/// Lanczos resampling with the filter widened when shrinking, so that nothing aliases.
static inline int cvips_resize(VipsImage *in, VipsImage **out, double horizontal, double vertical) {
  return vips_resize(in, out, horizontal, "vscale", vertical, NULL);
}

/// Cubic (Catmull and Rom) resampling with the filter widened when shrinking, and no box filter before it.
static inline int cvips_resize_cubic(VipsImage *in, VipsImage **out, double horizontal, double vertical) {
  return vips_resize(in, out, horizontal, "vscale", vertical, "kernel", VIPS_KERNEL_CUBIC, "gap", 0.0, NULL);
}

/// Lays the image into a larger one that goes on as its mirror image on every side.
static inline int cvips_mirror_border(VipsImage *in, VipsImage **out, int x, int y, int width, int height) {
  return vips_embed(in, out, x, y, width, height, "extend", VIPS_EXTEND_MIRROR, NULL);
}

static inline int cvips_crop(VipsImage *in, VipsImage **out, int x, int y, int width, int height) {
  return vips_extract_area(in, out, x, y, width, height, NULL);
}

static inline int cvips_mirror(VipsImage *in, VipsImage **out) {
  return vips_flip(in, out, VIPS_DIRECTION_HORIZONTAL, NULL);
}

static inline int cvips_rotate(VipsImage *in, VipsImage **out, VipsAngle angle) {
  return vips_rot(in, out, angle, NULL);
}

/// A Gaussian that is cut off where it falls below `smallest` of its peak; borders repeat.
static inline int cvips_blur(VipsImage *in, VipsImage **out, double sigma, double smallest) {
  return vips_gaussblur(in, out, sigma, "min_ampl", smallest, "precision", VIPS_PRECISION_FLOAT, NULL);
}

/// Strengths of edges, thinned to ridges of one pixel (Canny 1986 before its thresholds).
static inline int cvips_ridges(VipsImage *in, VipsImage **out, double sigma) {
  return vips_canny(in, out, "sigma", sigma, "precision", VIPS_PRECISION_FLOAT, NULL);
}

static inline int cvips_zoom(VipsImage *in, VipsImage **out, int horizontal, int vertical) {
  return vips_zoom(in, out, horizontal, vertical, NULL);
}

/// Draws `markup` into a one-channel mask; lines are centred and break at `width`.
static inline int cvips_text(VipsImage **out, const char *markup, const char *font, int width) {
  return vips_text(out, markup, "font", font, "width", width, "align", VIPS_ALIGN_CENTRE, "dpi", 72, NULL);
}

static inline int cvips_save_png(VipsImage *in, void **data, size_t *length, int compression) {
  return vips_pngsave_buffer(in, data, length, "compression", compression, NULL);
}

static inline int cvips_save_jpeg(VipsImage *in, void **data, size_t *length, int quality, gboolean subsample) {
  return vips_jpegsave_buffer(in, data, length, "Q", quality, "subsample_mode",
                              subsample ? VIPS_FOREIGN_SUBSAMPLE_ON : VIPS_FOREIGN_SUBSAMPLE_OFF, NULL);
}

static inline int cvips_save_webp(VipsImage *in, void **data, size_t *length, int quality, gboolean lossless) {
  return vips_webpsave_buffer(in, data, length, "Q", quality, "lossless", lossless, NULL);
}

static inline int cvips_save_tiff(VipsImage *in, void **data, size_t *length) {
  return vips_tiffsave_buffer(in, data, length, "compression", VIPS_FOREIGN_TIFF_COMPRESSION_LZW, NULL);
}

static inline int cvips_save_gif(VipsImage *in, void **data, size_t *length) {
  // Looked up by name: a libvips without a GIF writer lacks the function.
  return vips_image_write_to_buffer(in, ".gif", data, length, NULL);
}

static inline int cvips_save_heif(VipsImage *in, void **data, size_t *length, int quality,
                                  VipsForeignHeifCompression compression) {
  return vips_image_write_to_buffer(in, ".heic", data, length, "Q", quality, "compression", compression, NULL);
}

static inline void cvips_ignore_log(const gchar *domain, GLogLevelFlags level, const gchar *message,
                                    gpointer data) {}

/// Keeps libvips from printing warnings about damaged files; every failure comes back as an error.
static inline void cvips_silence(void) {
  g_log_set_handler("VIPS", G_LOG_LEVEL_WARNING | G_LOG_LEVEL_INFO | G_LOG_LEVEL_DEBUG, cvips_ignore_log, NULL);
}

static inline void cvips_release(VipsImage *image) { g_object_unref(image); }

#endif

// FreeType names its headers by macros, and its flags are macros that Swift cannot see.
#ifndef CFreeType_SHIM_H
#define CFreeType_SHIM_H
#include <ft2build.h>
#include FT_FREETYPE_H

/// Whether a face has bitmaps of fixed sizes, as colour fonts of pictures have.
static inline int cfreetype_has_bitmaps(FT_Face face) { return FT_HAS_FIXED_SIZES(face) && FT_HAS_COLOR(face); }

/// Loads a glyph with its colours.
static inline FT_Error cfreetype_load_colour(FT_Face face, FT_UInt glyph) {
  return FT_Load_Glyph(face, glyph, FT_LOAD_COLOR);
}

/// Whether a bitmap holds blue, green, red and alpha, the colours multiplied by alpha.
static inline int cfreetype_is_bgra(const FT_Bitmap *bitmap) { return bitmap->pixel_mode == FT_PIXEL_MODE_BGRA; }

/// Whether a face has outlines, which can be drawn at every size.
static inline int cfreetype_has_outlines(FT_Face face) { return FT_IS_SCALABLE(face); }

/// Draws the outline of a glyph with grey borders, as its designer placed it; fails where a side is longer than
/// `limit` in 64ths of a pixel, before memory is taken for it.
static inline FT_Error cfreetype_draw(FT_Face face, FT_UInt glyph, FT_Pos limit) {
  FT_Error error = FT_Load_Glyph(face, glyph, FT_LOAD_NO_HINTING | FT_LOAD_NO_BITMAP);
  if (error) return error;
  const FT_Glyph_Metrics *metrics = &face->glyph->metrics;
  if (metrics->width > limit || metrics->height > limit) return FT_Err_Raster_Overflow;
  return FT_Render_Glyph(face->glyph, FT_RENDER_MODE_NORMAL);
}

/// Whether a bitmap holds one byte of coverage a pixel.
static inline int cfreetype_is_grey(const FT_Bitmap *bitmap) { return bitmap->pixel_mode == FT_PIXEL_MODE_GRAY; }

#endif

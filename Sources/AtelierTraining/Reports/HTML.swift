/// What pages write alike.
enum HTML {
  static func escaped(_ text: String) -> String {
    text.replacing("&", with: "&amp;").replacing("<", with: "&lt;").replacing(">", with: "&gt;")
      .replacing("\"", with: "&quot;")
  }

  /// A table of two columns.
  static func table(_ rows: [(String, String)]) -> String {
    "<table>"
      + rows.map { "<tr><th>\(escaped($0))</th><td>\(escaped($1))</td></tr>" }.joined() + "</table>"
  }

  /// A page that needs no script, no font and no network, and may take none.
  ///
  /// - Parameter style: rules beside those that all pages share.
  static func document(_ title: String, _ body: String, style: String = "") -> String {
    """
    <!DOCTYPE html>
    <html lang="en">
    <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; media-src data:; style-src 'unsafe-inline'">
    <title>\(HTML.escaped(title))</title>
    <style>
    :root { color-scheme: light dark; }
    body { font: 15px/1.5 system-ui, sans-serif; margin: 2em auto; max-width: 76em; padding: 0 1em; }
    table { border-collapse: collapse; margin: 1em 0; }
    th, td { padding: .25em .8em; text-align: left; vertical-align: top; border-bottom: 1px solid #8884; }
    .note { opacity: .75; font-size: 13px; }
    .row { display: flex; flex-wrap: wrap; gap: 12px; }
    figure { margin: 0; width: 340px; }
    figcaption { font-size: 13px; }
    svg { width: 100%; }
    svg path { fill: none; stroke: #8888; }
    svg polyline { fill: none; stroke: #2a78c8; stroke-width: 1.5; }
    svg circle { fill: #d0662a; }
    svg text { font: 11px system-ui, sans-serif; fill: currentColor; }
    img { max-width: 100%; image-rendering: pixelated; }
    pre { overflow-x: auto; }
    \(style)
    </style>
    </head>
    <body>
    \(body)
    </body>
    </html>

    """
  }
}
